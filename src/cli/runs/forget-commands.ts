import type { Command, CommandContext } from '../command.js'
import { CONFIG_HELP } from '../config/load-config.js'
import { confirm } from '../confirm.js'
import { EXIT_CODES } from '../exit-code.js'
import { printable } from '../printable.js'
import { UsageError } from '../read-arguments.js'
import { STORE_HELP } from '../stores/open-store.js'
import { changeInDoubt } from './change-in-doubt.js'
import { type OpenRuns, openRuns, RUNS_OPTIONS, type RunsValues } from './open-runs.js'

const OPTIONS = { ...RUNS_OPTIONS, yes: { type: 'boolean' } } as const
const PRUNE_OPTIONS = { ...OPTIONS, 'ended-before': { type: 'string' } } as const

const SHARED_HELP = `${STORE_HELP}
${CONFIG_HELP}
  --yes      do not ask; required where no terminal can ask`

/** `sora-pipeline runs prune` */
export const pruneCommand: Command<typeof PRUNE_OPTIONS> = {
  summary: 'forget runs that ended before an instant',
  help: `Usage: sora-pipeline runs prune --ended-before <instant or age> --store <path or URL> [--yes]

Forgets runs that completed or failed before an instant, with their media. Of a run with an id of the caller the outcome stays for
24 h, so that a repeated request joins it. Runs that are running or in review stay.

Options:
  --ended-before  an instant such as 2026-01-31 or 2026-01-31T12:00:00Z, or an age such as 30d, 12h or 90m
${SHARED_HELP}
  --json     print { "type": "pruned", "count", "endedBefore" } as JSON; endedBefore is in epoch milliseconds
  -h, --help print this`,
  options: PRUNE_OPTIONS,
  maxArguments: 0,
  async run({ values }, context) {
    const endedBefore = instantOf(values['ended-before'], Date.now())
    const effect = `Runs that ended before ${new Date(endedBefore).toISOString()} are forgotten`
    return change({ values, context, effect }, async ({ runs }) => {
      const count = await runs.prune({ endedBefore })
      return {
        line: `Forgot ${count} runs; those with an id of the caller stay listed, without input, for 24 h`,
        report: { type: 'pruned', count, endedBefore },
      }
    })
  },
}

/** `sora-pipeline runs erase` */
export const eraseCommand: Command<typeof OPTIONS> = {
  summary: 'remove the prompt and the media of an ended run',
  help: `Usage: sora-pipeline runs erase <id> --store <path or URL> [--yes]

Removes the prompt, the media and all other input of a run that has ended. The outcome stays.

Options:
${SHARED_HELP}
  --json     print { "type": "erased", "id" } as JSON
  -h, --help print this`,
  options: OPTIONS,
  requiredArguments: ['id of the run'],
  maxArguments: 1,
  async run({ values, positionals: [id = ''] }, context) {
    const effect = `The input of ${printable(id)} is removed for good`
    return change({ values, context, effect }, async ({ runs }) => {
      await changeInDoubt(id, () => runs.erase(id))
      return { line: `Erased ${printable(id)}`, report: { type: 'erased', id } }
    })
  },
}

/** `sora-pipeline runs remove` */
export const removeCommand: Command<typeof OPTIONS> = {
  summary: 'remove a run from the lists',
  help: `Usage: sora-pipeline runs remove <id> --store <path or URL> [--yes]

Removes a run from the lists. Its state stays in the store. A run that is running is aborted first, which needs the pipeline
of --config; its job is cancelled if the generator supports it, and otherwise continues costing money.

Options:
${SHARED_HELP}
  --json     print { "type": "removed", "id" } as JSON
  -h, --help print this`,
  options: OPTIONS,
  requiredArguments: ['id of the run'],
  maxArguments: 1,
  async run({ values, positionals: [id = ''] }, context) {
    const effect = `${printable(id)} is removed from the lists, and aborted if it is running`
    return change({ values, context, effect }, async ({ runs, pipeline }) => {
      const status = (await runs.inspect(id))?.status
      if (status === 'running' && pipeline === undefined) {
        throw new UsageError(['--config is missing: the run is running, and only its pipeline can abort it'])
      }
      await changeInDoubt(id, () => runs.remove(id))
      return { line: `Removed ${printable(id)}`, report: { type: 'removed', id } }
    })
  },
}

interface Change {
  readonly values: RunsValues & { readonly yes?: boolean | undefined }
  readonly context: CommandContext
  readonly effect: string
}

async function change(
  { values, context, effect }: Change,
  act: (open: OpenRuns) => Promise<{ readonly line: string; readonly report: object }>,
): Promise<number> {
  const open = await openRuns(values, context)
  try {
    if (!(await confirm(effect, { isGiven: values.yes }, context))) return EXIT_CODES.failed
    const { line, report } = await act(open)
    context.stdout.write(`${values.json ? JSON.stringify(report) : line}\n`)
    return EXIT_CODES.done
  } finally {
    await open.close()
  }
}

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

function instantOf(text: string | undefined, now: number): number {
  const fix = 'give an instant such as 2026-01-31, or an age such as 30d, 12h or 90m'
  if (text === undefined) throw new UsageError([`--ended-before is missing; ${fix}`])
  const [, count, unit = ''] = /^(\d+)([mhd])$/.exec(text) ?? []
  const instant =
    count === undefined ? Date.parse(/^\d{4}-/.test(text) ? text : '') : now - Number(count) * (UNIT_MS[unit] ?? 0)
  if (!Number.isFinite(instant)) throw new UsageError([`--ended-before is ${text}; ${fix}`])
  if (instant > now) throw new UsageError([`--ended-before is ${text}, which is in the future; ${fix}`])
  return instant
}
