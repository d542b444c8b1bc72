import type { GeneratedVideo, OneShotGenerator, VideoRequest } from '../../../src/index.js'
import { ERROR_KINDS } from './error-kinds.js'

/** A generator that does what the prompt says, and records its paid requests. */
export interface PromptedGenerator extends OneShotGenerator {
  readonly requests: readonly VideoRequest[]
  /** Lets the video of a run continue, if its prompt made it wait. */
  goOn(runId: string): void
  /** Lets those of all runs continue, also of later ones. */
  goOnAll(): void
}

/** Prompts that a prompted generator understands; any other makes a video at once. */
export const prompts = {
  /** Fails before it takes the job. */
  refuse: (kind: string) => `refuse ${kind}`,
  /** Takes the job, and fails at once. */
  lose: (kind: string) => `lose ${kind}`,
  /** Takes the job, and fails once it may continue. */
  fail: (kind: string) => `fail ${kind}`,
  /** Takes the job, and makes a video once it may continue. */
  hold: (what: string) => `hold ${what}`,
  /** Takes the job, and works on it until it is aborted. */
  endless: (what: string) => `endless ${what}`,
} as const

/** Makes a prompted generator. */
export function promptedGenerator(video: GeneratedVideo): PromptedGenerator {
  const requests: VideoRequest[] = []
  const gates = new Map<string, PromiseWithResolvers<void>>()
  let areAllOpen = false
  const gateOf = (runId: string) => {
    const gate = gates.get(runId) ?? Promise.withResolvers<void>()
    gates.set(runId, gate)
    if (areAllOpen) gate.resolve()
    return gate
  }
  return {
    name: 'prompted-generator',
    requests,
    goOn: (runId) => gateOf(runId).resolve(),
    goOnAll: () => {
      areAllOpen = true
      for (const gate of gates.values()) gate.resolve()
    },
    async generate(request, { runId, report, signal }) {
      requests.push(request)
      const [, order, kind] = /^(refuse|lose|fail|hold|endless) (.+)$/.exec(request.prompt) ?? []
      const error = ERROR_KINDS.find(({ name }) => name === kind)?.make()
      if (order === 'refuse' && error) throw error
      report({ ratio: 0.4, phase: 'rendering' })
      if (order === 'lose' && error) throw error
      if (order === undefined) return video
      const aborted = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      })
      await (order === 'endless' ? aborted : Promise.race([gateOf(runId).promise, aborted]))
      if (error) throw error
      return video
    },
  }
}
