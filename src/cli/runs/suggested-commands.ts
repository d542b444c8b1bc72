import type { RunDetails } from 'sora-pipeline'
import { shellOption, shellWord } from '../printable.js'
import type { OpenRuns } from './open-runs.js'
import { goneInputOf, isRefuted } from './run-text.js'

/** A command that continues or ends a run. */
export interface SuggestedCommand {
  /** When it is the right one. */
  readonly when: string
  /** For a shell. Words in capitals such as `JOB_ID` stand for what only a person can know. */
  readonly command: string
}

/**
 * The commands that settle a run, or make it continue.
 * @param adopter - The run that has adopted its job, if that exists.
 */
export function nextCommands(run: RunDetails, place: OpenRuns, adopter?: string): readonly SuggestedCommand[] {
  const { status, isAttended, verdicts } = run
  const lines = linesOf(run, place)
  if (adopter !== undefined) return [lines.show(adopter, 'Another run has adopted the job of this one. To see it')]
  if (verdicts.length > 0) return [...settleCommands(run, lines), ...(isRefuted(run) ? retryCommands(run, lines) : [])]
  if (status === 'failed' || status === 'completed') return retryCommands(run, lines)
  if (status !== 'running' || isAttended) return []
  const resume =
    'Start a process that calls pipeline.recover(), or due() and advance(); it resumes the run. To see it afterwards'
  return [lines.show(run.id, resume)]
}

interface Lines {
  settle(when: string, ...words: readonly string[]): SuggestedCommand
  /** Without `--config` in the command line, the file of the pipeline stands for the store. */
  retry(when: string, ...words: readonly string[]): SuggestedCommand
  show(id: string, when: string): SuggestedCommand
}

function linesOf({ id }: RunDetails, { flags, condition }: OpenRuns): Lines {
  const suffix = condition === undefined ? '' : ` (${condition})`
  const line = (when: string, name: string, about: string, words: readonly string[]) => {
    // An id that looks like an option has to come behind `--`, after every option.
    const [before, after] = about.startsWith('-') ? [[], ['--', shellWord(about)]] : [[shellWord(about)], []]
    const command = ['npx sora-pipeline runs', name, ...before, ...words, ...after].join(' ')
    return { when: `${when}${suffix}`, command }
  }
  const hasConfig = flags.some((flag) => flag.startsWith('--config'))
  return {
    settle: (when, ...words) => line(when, 'settle', id, [...words, '--yes', ...flags]),
    retry: (when, ...words) =>
      hasConfig
        ? line(when, 'retry', id, [...words, '--yes', ...flags])
        : line(`${when}; FILE exports the pipeline with this store`, 'retry', id, [
            ...words,
            '--config',
            'FILE',
            '--yes',
          ]),
    show: (about, when) => line(when, 'show', about, flags),
  }
}

function settleCommands(run: RunDetails, { settle }: Lines): readonly SuggestedCommand[] {
  const { verdicts, submission } = run
  const generator = submission?.generator === undefined ? ['--generator', 'GENERATOR'] : []
  const place = submission?.upstream ?? submission?.generator ?? 'the generator'
  const suggestions: SuggestedCommand[] = []
  const known = submission?.handle?.operation
  const job = (when: string) =>
    suggestions.push(settle(`${when} in the place of JOB_ID; nothing more is paid`, '--job', 'JOB_ID', ...generator))
  if (verdicts.includes('operation') && known !== undefined && isRefuted(run)) {
    job(`${place} does not know the job ${JSON.stringify(known)}; put the id of the right one`)
  } else if (verdicts.includes('operation')) {
    if (known !== undefined) {
      const operation = shellOption('operation', JSON.stringify(known))
      suggestions.push(settle('To poll the known job again; nothing more is paid', ...operation, ...generator))
    }
    job(`If ${place} has the job${known === undefined ? '' : ' under another id'}, put its id`)
  }
  if (verdicts.includes('not-submitted')) {
    const when = `If ${place} certainly has no such job, so that it is submitted again; a wrong answer pays twice`
    suggestions.push(settle(when, '--not-submitted'))
  }
  return suggestions
}

// A retry needs the prompt, which an erased run does not have, and the media again, which is removed at the end of a run.
function retryCommands(run: RunDetails, { retry }: Lines): readonly SuggestedCommand[] {
  if (goneInputOf(run) !== undefined) return []
  const price = run.isRefused === true ? 'a job is paid' : 'a job is paid again'
  const doubt = isRefuted(run)
    ? 'If it certainly has no job of this run, to submit the request as another run; a wrong answer pays twice'
    : `To make another video of the same request; ${price}`
  const changes = removedMediaOf(run)
  if (changes === undefined) return [retry(doubt)]
  const names = Object.keys(changes).join(', ')
  return [
    retry(`${doubt}; put the addresses of ${names} in their places`, '--changes', shellWord(JSON.stringify(changes))),
  ]
}

function removedMediaOf({ request }: RunDetails): Readonly<Record<string, unknown>> | undefined {
  const replaced = (field: string, value: unknown): unknown => {
    if (Array.isArray(value)) return value.map((entry) => replaced(field, entry))
    return typeof Object(value).sha256 === 'string' ? `${field.toUpperCase()}_URL` : value
  }
  const changes = Object.entries(request).flatMap(([field, value]) => {
    const given = replaced(field, value)
    return JSON.stringify(given) === JSON.stringify(value) ? [] : [[field, given] as const]
  })
  return changes.length === 0 ? undefined : Object.fromEntries(changes)
}
