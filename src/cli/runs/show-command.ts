import { styleText } from 'node:util'
import { type RunDetails, RunStateError } from 'sora-pipeline'
import type { Command, CommandContext } from '../command.js'
import { CONFIG_HELP } from '../config/load-config.js'
import { EXIT_CODES } from '../exit-code.js'
import { duration, printable } from '../printable.js'
import { STORE_HELP } from '../stores/open-store.js'
import { openRuns, RUNS_OPTIONS } from './open-runs.js'
import {
  goneInputOf,
  interruptionText,
  paymentOf,
  reasonOf,
  submissionText,
  valueText,
  withoutMedia,
} from './run-text.js'
import { nextCommands, type SuggestedCommand } from './suggested-commands.js'

/** `sora-pipeline runs show` */
export const showCommand: Command<typeof RUNS_OPTIONS> = {
  summary: 'everything about one run, and the commands that settle it',
  help: `Usage: sora-pipeline runs show <id> --store <path or URL> [--json]

Shows what a person needs to decide about a run: the request without media, each attempt with its error, the job at the
upstream and what is paid, every URL of the video, why it waits, and the exact commands that settle it.

Options:
${STORE_HELP}
${CONFIG_HELP}
  --json     print { "run": RunDetails, "waitsFor": text, "paid": text, "commands": [{ "when", "command" }] } as JSON
  -h, --help print this`,
  options: RUNS_OPTIONS,
  requiredArguments: ['id of the run'],
  maxArguments: 1,
  async run({ values, positionals: [id = ''] }, context) {
    const open = await openRuns(values, context)
    try {
      const run = await open.runs.inspect(id)
      if (run === undefined) {
        const reason = (await open.find(id))?.isRemoved
          ? 'it was removed, and its state stays until prune'
          : 'the store does not know it'
        throw new RunStateError(`Could not show the run, ${reason}: ${printable(id)}`)
      }
      // Its process may have ended before it created the run.
      const { adoptedBy } = run
      const adopter = adoptedBy !== undefined && (await open.find(adoptedBy)) ? adoptedBy : undefined
      const commands = nextCommands(run, open, adopter)
      const now = Date.now()
      const shown = { run: withoutMedia(run), waitsFor: reasonOf(run, now), paid: paymentOf(run), commands }
      if (values.json) context.stdout.write(`${JSON.stringify(shown)}\n`)
      else printRun(shown, now, context)
      return EXIT_CODES.done
    } finally {
      await open.close()
    }
  },
}

const LEFT = {
  cancelled: 'the job was cancelled',
  running: 'the job is still running, and costs money,',
  finished: 'the video exists',
  failed: 'the job failed',
  unknown: 'a job may be running, and cost money,',
} as const

interface Shown {
  readonly run: RunDetails
  readonly waitsFor: string
  readonly paid: string
  readonly commands: readonly SuggestedCommand[]
}

function printRun({ run, waitsFor, paid, commands }: Shown, now: number, { stdout }: CommandContext): void {
  const title = (text: string) => stdout.write(`\n${styleText('bold', text, { stream: stdout })}\n`)
  const row = (name: string, text: string | undefined) => {
    if (text !== undefined) stdout.write(`  ${name.padEnd(10)}  ${printable(text)}\n`)
  }
  const at = (instant: number) => `${new Date(instant).toISOString()}, ${duration(now - instant)} ago`
  const { submission, upstream } = run

  stdout.write(`${styleText('bold', `${printable(run.id)}: ${run.status}`, { stream: stdout })}\n`)
  row('owner', run.owner)
  row('started', at(run.startedAt))
  row('ended', run.endedAt === undefined ? undefined : at(run.endedAt))
  row('stage', run.stage)
  row('in doubt', interruptionText(run))
  row('retry of', run.retryOf)
  row(run.status === 'running' || run.status === 'needs-review' ? 'waits for' : 'outcome', waitsFor)
  row('paid', paid)
  row('erased', run.erasedAt === undefined ? undefined : at(run.erasedAt))

  title('Request')
  const gone = goneInputOf(run)
  if (gone !== undefined) stdout.write(`  ${gone}\n`)
  else for (const [field, value] of Object.entries(run.request)) row(field, valueText(value))

  if (submission !== undefined) {
    title(`Submission ${submission.number}`)
    row('state', submissionText(run))
    row('generator', submission.generator)
    row('upstream', submission.upstream)
    const sends = submission.sendCount > 1 ? `${submission.sendCount} times, first ` : ''
    row('sent', submission.sentAt === undefined ? undefined : `${sends}${at(submission.sentAt)}`)
    row('job', submission.handle && JSON.stringify(submission.handle.operation))
    row('left', upstream && `${LEFT[upstream.state]} at ${upstream.generator}`)
  }
  if (run.attempts.length > 0) title('Attempts')
  for (const { stage, strategy, outcome, errorCode, errorMessage, durationMs } of run.attempts) {
    const error =
      outcome === 'failed' ? `: ${errorCode ?? 'unexpected'}: ${errorMessage ?? 'no message is stored'}` : ''
    row(stage, `${strategy} ${outcome} after ${(durationMs / 1000).toFixed(1)} s${error}`)
  }
  if (run.error !== undefined) title('Error')
  row(run.error?.code ?? '', run.error?.message)
  if (run.candidates.length > 0) title('URLs of the video')
  for (const { url, servedBy, expiresAt, failedAt } of run.candidates) {
    const expiry = expiresAt === undefined ? '' : `, expires ${new Date(expiresAt).toISOString()}`
    row(servedBy, `${url}${expiry}${failedAt === undefined ? '' : ', failed when it was last opened'}`)
  }
  if (run.warnings.length > 0) title('Warnings')
  for (const { code, message, stage } of run.warnings) row(stage ?? 'run', `${code}: ${message}`)
  if (commands.length > 0) title('What to do')
  for (const { when, command } of commands) stdout.write(`  ${printable(when)}:\n    ${printable(command)}\n`)
}
