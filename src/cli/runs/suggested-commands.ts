import type { RunDetails } from 'sora-pipeline'
import { shellWord } from '../printable.js'
import type { OpenRuns } from './open-runs.js'
import { isRefuted } from './run-text.js'

/** A command that continues or ends a run. */
export interface SuggestedCommand {
  /** When it is the right one. */
  readonly when: string
  /** For a shell. `JOB_ID` stands for what only a person can know. */
  readonly command: string
}

/** The commands that settle a run, or make it continue. */
export function nextCommands(run: RunDetails, { flags, condition }: OpenRuns): readonly SuggestedCommand[] {
  const { id, verdicts, submission, status, isAttended } = run
  // An id that looks like an option has to come behind `--`, after every option.
  const [before, after] = id.startsWith('-') ? [[], ['--', shellWord(id)]] : [[shellWord(id)], []]
  const line = (name: string, ...words: readonly string[]) =>
    ['npx sora-pipeline runs', name, ...before, ...words, ...after].join(' ')
  const command = (name: string, ...words: readonly string[]) => line(name, ...words, ...flags)
  const settle = (...words: readonly string[]) => command('settle', ...words, '--yes')
  const generator = submission?.generator === undefined ? ['--generator', 'GENERATOR'] : []
  const place = submission?.upstream ?? submission?.generator ?? 'the generator'
  const suffix = condition === undefined ? '' : ` (${condition})`
  const suggestions: SuggestedCommand[] = []
  const known = submission?.handle?.operation
  if (verdicts.includes('operation') && known !== undefined && isRefuted(run)) {
    suggestions.push({
      when: `${place} does not know the job ${JSON.stringify(known)}; put the id of the right one in the place of JOB_ID; nothing more is paid${suffix}`,
      command: settle('--job', 'JOB_ID', ...generator),
    })
  } else if (verdicts.includes('operation') && known !== undefined) {
    suggestions.push({
      when: `To poll the known job again; nothing more is paid${suffix}`,
      command: settle('--operation', shellWord(JSON.stringify(known)), ...generator),
    })
  }
  if (verdicts.includes('operation') && !isRefuted(run)) {
    const has = known === undefined ? 'has the job' : 'has the job under another id'
    suggestions.push({
      when: `If ${place} ${has}, put its id in the place of JOB_ID; nothing more is paid${suffix}`,
      command: settle('--job', 'JOB_ID', ...generator),
    })
  }
  if (verdicts.includes('not-submitted')) {
    suggestions.push({
      when: `If ${place} certainly has no such job, so that it is submitted again; a wrong answer pays twice${suffix}`,
      command: settle('--not-submitted'),
    })
  }
  if (verdicts.length === 0 && (status === 'failed' || status === 'completed')) {
    const hasConfig = flags.includes('--config')
    const price = run.isRefused === true ? 'a job is paid' : 'a job is paid again'
    const file = hasConfig ? '' : '; FILE exports the pipeline with this store'
    suggestions.push({
      when: `To make another video of the same request; ${price}${file}${suffix}`,
      command: hasConfig ? command('retry', '--yes') : line('retry', '--config', 'FILE', '--yes'),
    })
  }
  if (status === 'running' && !isAttended) {
    suggestions.push({
      when: `Start a process that calls pipeline.recover(), or due() and advance(); it resumes the run. To see it afterwards${suffix}`,
      command: command('show'),
    })
  }
  return suggestions
}
