import type { ReviewVerdict } from 'sora-pipeline'
import type { Command } from '../command.js'
import { CONFIG_HELP } from '../config/load-config.js'
import { confirm } from '../confirm.js'
import { EXIT_CODES } from '../exit-code.js'
import { printable } from '../printable.js'
import { UsageError } from '../read-arguments.js'
import { STORE_HELP } from '../stores/open-store.js'
import { changeInDoubt } from './change-in-doubt.js'
import { openRuns, RUNS_OPTIONS } from './open-runs.js'
import { showToEnd } from './show-to-end.js'

const OPTIONS = {
  ...RUNS_OPTIONS,
  job: { type: 'string' },
  operation: { type: 'string' },
  'not-submitted': { type: 'boolean' },
  generator: { type: 'string' },
  yes: { type: 'boolean' },
} as const

/** `sora-pipeline runs settle` */
export const settleCommand: Command<typeof OPTIONS> = {
  summary: 'save the verdict of a person about a run in review',
  help: `Usage: sora-pipeline runs settle <id> (--job id | --operation json | --not-submitted) --store <path or URL> [--yes]

Settles a run after you have checked the upstream. Give one verdict:
  --job             id of the job that you found: short for --operation '{"id":"…"}'
  --operation       the job as its generator has it, as JSON
  --not-submitted   the upstream has no job: the run submits again, which pays twice if the verdict is wrong

Without --config only the verdict is saved: the run continues in the next process that resumes it, by recover(), due() or a
request for it. With --config it continues here, and its events are shown.

Options:
${STORE_HELP}
${CONFIG_HELP}
  --generator  name of the generator that has the job (default: that of the submission)
  --yes        do not ask; required where no terminal can ask
  --json       print the events of a run that continues here, and as the last line { "type": "settled", "id", "verdict", "status" }
  -h, --help   print this`,
  options: OPTIONS,
  requiredArguments: ['id of the run'],
  maxArguments: 1,
  async run({ values, positionals: [id = ''] }, context) {
    const verdict = verdictOf(values)
    const open = await openRuns(values, context)
    try {
      const effect =
        verdict === 'not-submitted'
          ? `${printable(id)} submits again, which pays a second job if the upstream has one`
          : `${printable(id)} continues with the job ${printable(JSON.stringify(verdict.operation))}`
      if (!(await confirm(effect, { isGiven: values.yes }, context))) return EXIT_CODES.failed
      const settled = { type: 'settled', id, verdict }
      if (open.pipeline !== undefined) {
        const pipeline = open.pipeline
        return await showToEnd({
          pipeline,
          start: () => changeInDoubt(id, () => pipeline.settle(id, verdict)),
          report: settled,
          values,
          context,
        })
      }
      await changeInDoubt(id, async () => open.settleStored?.(id, verdict))
      const next = 'it continues in the next process that resumes it, by recover(), due() or a request for it'
      context.stdout.write(
        values.json ? `${JSON.stringify({ ...settled, status: 'running' })}\n` : `Settled ${printable(id)}: ${next}\n`,
      )
      return EXIT_CODES.done
    } finally {
      await open.close()
    }
  },
}

interface Verdicts {
  readonly job?: string | undefined
  readonly operation?: string | undefined
  readonly 'not-submitted'?: boolean | undefined
  readonly generator?: string | undefined
}

function verdictOf({ job, operation, 'not-submitted': isAbsent, generator }: Verdicts): ReviewVerdict {
  const given = [job, operation, isAbsent].filter((verdict) => verdict !== undefined)
  if (given.length !== 1) throw new UsageError(['give one of --job, --operation and --not-submitted'])
  if (job === 'JOB_ID') throw new UsageError(['--job is JOB_ID; give the id of the job in its place'])
  if (generator === 'GENERATOR') {
    throw new UsageError(['--generator is GENERATOR; give the name of the generator in its place'])
  }
  if (isAbsent) {
    if (generator !== undefined) throw new UsageError(['--generator is only for a job'])
    return 'not-submitted'
  }
  const found = job === undefined ? jsonOf('--operation', operation ?? '') : { id: job.trim() }
  return { operation: found, ...(generator !== undefined && { generator }) }
}

/**
 * The value of an option that is JSON.
 * @throws UsageError when it is not.
 */
export function jsonOf(option: string, text: string, example = '{"id":"video_123"}') {
  try {
    return JSON.parse(text)
  } catch {
    throw new UsageError([`${option} is not JSON; give it in quotation marks, such as '${example}'`])
  }
}
