import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { ServerUsage, UsageRequest } from './serve-module.ts'

const PROGRAMS = {
  measure: new URL('measure-module.ts', import.meta.url),
  serve: new URL('serve-module.ts', import.meta.url),
}
const LONGEST_MS = 180_000

/**
 * Calls `measure(parameters)` of a module in a process of its own and returns its result, so that CPU, memory and the cache of
 * imports belong to this measurement alone.
 */
export async function measureInChild<Result>(module: URL, parameters: unknown = {}): Promise<Result> {
  // A measurement that hangs must not hold up the others.
  const child = start(PROGRAMS.measure, module, parameters, AbortSignal.timeout(LONGEST_MS))
  const ended = once(child, 'exit')
  const [message] = await Promise.race([once(child, 'message'), ended.then(() => [])])
  await ended
  if (message === undefined) throw new Error(`Could not measure, the process ended without a result: ${nameOf(module)}`)
  return message as Result
}

/** A server in a process of its own. */
export interface ServerProcess<Report> {
  /** Such as `http://127.0.0.1:40000`. */
  readonly origin: string
  /** What the process used so far, and what the server itself reports. */
  usage(request?: UsageRequest): Promise<ServerUsage<Report>>
  stop(): Promise<void>
}

/** Starts the server that `serve(parameters)` of a module returns. */
export async function startServer<Report = undefined>(
  module: URL,
  parameters: unknown = {},
): Promise<ServerProcess<Report>> {
  const child = start(PROGRAMS.serve, module, parameters)
  const ended = once(child, 'exit')
  const nextMessage = async () => {
    const [message] = await Promise.race([once(child, 'message'), ended.then(() => [])])
    if (message === undefined) throw new Error(`Could not serve, the process ended: ${nameOf(module)}`)
    return message
  }
  const { origin } = (await nextMessage()) as { readonly origin: string }
  return {
    origin,
    async usage(request = 'usage') {
      const answer = nextMessage()
      child.send(request)
      return (await answer) as ServerUsage<Report>
    },
    async stop() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

function start(program: URL, module: URL, parameters: unknown, signal?: AbortSignal): ChildProcess {
  return fork(program, [module.href, JSON.stringify(parameters)], {
    execArgv: ['--expose-gc', '--disable-warning=ExperimentalWarning'],
    ...(signal && { signal }),
    killSignal: 'SIGKILL',
  }).on('error', () => undefined)
}

function nameOf({ pathname }: URL): string {
  return pathname.split('/').slice(-2).join('/')
}
