import { styleText } from 'node:util'
import { type RunRecord, RunStateError } from 'sora-pipeline'
import type { Command, CommandContext } from '../command.js'
import { CONFIG_HELP } from '../config/load-config.js'
import { EXIT_CODES } from '../exit-code.js'
import { duration, printable, shellOption } from '../printable.js'
import { UsageError } from '../read-arguments.js'
import { STORE_HELP } from '../stores/open-store.js'
import { limitOf } from './limit-of.js'
import { type OpenRuns, openRuns, RUNS_OPTIONS } from './open-runs.js'
import { reasonOf, withoutMedia } from './run-text.js'

const OPTIONS = {
  ...RUNS_OPTIONS,
  status: { type: 'string', multiple: true },
  owner: { type: 'string' },
  after: { type: 'string' },
  limit: { type: 'string', default: '50' },
} as const

const STATUSES = ['running', 'completed', 'failed', 'needs-review', 'unreadable'] as const

// Runs that are read at once.
const PAGE = 200

/** `sora-pipeline runs list` */
export const listCommand: Command<typeof OPTIONS> = {
  summary: 'the runs, newest first, with what each waits for',
  help: `Usage: sora-pipeline runs list --store <path or URL> [--status name] [--owner name] [--limit n] [--after id] [--json]

Lists the runs of a store, newest first: status, age, stage, owner, id, and why each waits or how it ended.

Options:
${STORE_HELP}
${CONFIG_HELP}
  --status   only runs with this status: ${STATUSES.join(', ')}; may be repeated
  --owner    only runs of this owner
  --limit    maximum number of runs, from 1 to 1000 (default: 50)
  --after    id of the run after which to continue
  --json     print { "runs": [RunRecord], "next": id } as JSON; next is missing on the last page
  -h, --help print this`,
  options: OPTIONS,
  maxArguments: 0,
  async run({ values }, context) {
    const wanted = statusesOf(values.status ?? [])
    const limit = limitOf(values.limit)
    const open = await openRuns(values, context)
    try {
      const { runs, next } = await pageOf(open, { wanted, limit, owner: values.owner, after: values.after })
      if (values.json)
        context.stdout.write(`${JSON.stringify({ runs: runs.map(withoutMedia), ...(next && { next }) })}\n`)
      else printTable(runs, next, context)
      return EXIT_CODES.done
    } finally {
      await open.close()
    }
  },
}

interface Query {
  readonly wanted: readonly string[]
  readonly limit: number
  readonly owner: string | undefined
  readonly after: string | undefined
}

// Only the states have the status, so pages are read until enough of them fit.
async function pageOf(open: OpenRuns, { wanted, limit, owner, after }: Query) {
  const runs: RunRecord[] = []
  let position = after
  for (;;) {
    const page = await open.runs.list({
      limit: PAGE,
      ...(owner !== undefined && { owner }),
      ...(position && { after: position }),
    })
    for (const record of page) {
      if (wanted.length > 0 && !wanted.includes(record.status)) continue
      if (runs.length === limit) return { runs, next: runs.at(-1)?.id }
      runs.push(record)
    }
    // After an unknown run, or one of another owner, the store lists nothing.
    if (page.length === 0 && after !== undefined && position === after) await checkPlace(open, { owner, after })
    position = page.at(-1)?.id
    if (page.length < PAGE) return { runs, next: undefined }
  }
}

async function checkPlace({ find }: OpenRuns, { owner, after }: { owner: string | undefined; after: string }) {
  const found = await find(after)
  if (found === undefined) {
    throw new RunStateError(
      `Could not list the runs, the store does not know the run of --after: ${printable(after)}; give the id of a listed run`,
    )
  }
  if (owner === undefined || found.isUnreadable || found.owner === owner) return
  throw new RunStateError(
    `Could not list the runs of the owner, the run of --after has another one: ${printable(after)}; give a run of ${printable(owner)}`,
  )
}

function printTable(runs: readonly RunRecord[], next: string | undefined, { stdout }: CommandContext): void {
  const now = Date.now()
  const rows = runs.map((record) => ({
    record,
    cells: [
      record.status,
      record.status === 'unreadable' ? '-' : duration(now - record.startedAt),
      record.stage ?? '-',
      printable(record.owner ?? '-'),
      printable(record.id),
    ],
    reason: printable(reasonOf(record, now)),
  }))
  const titles = ['STATUS', 'AGE', 'STAGE', 'OWNER', 'ID']
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...rows.map(({ cells }) => cells[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
  if (runs.length === 0) return void stdout.write('No runs\n')
  stdout.write(`${line(titles)}  WAITS FOR, OR ENDED WITH\n`)
  for (const { record, cells, reason } of rows) {
    const text = `${line(cells)}  ${reason}`
    stdout.write(`${record.status === 'needs-review' ? styleText('yellow', text, { stream: stdout }) : text}\n`)
  }
  if (next !== undefined) stdout.write(`More runs: ${shellOption('after', next).join(' ')}\n`)
}

function statusesOf(given: readonly string[]): readonly string[] {
  const unknown = given.filter((status) => !STATUSES.includes(status as (typeof STATUSES)[number]))
  if (unknown.length > 0) {
    throw new UsageError([`--status has ${unknown.join(', ')}; give one of ${STATUSES.join(', ')}`])
  }
  return given
}
