import { RunStateError, type RunStore } from 'sora-pipeline'
import { type AbandonedWebhook, abandonedWebhooks } from 'sora-pipeline/http'
import type { Command, CommandContext } from '../command.js'
import { EXIT_CODES } from '../exit-code.js'
import { duration, printable, shellOption } from '../printable.js'
import { UsageError } from '../read-arguments.js'
import { openStore, STORE_HELP, STORE_OPTIONS, STORE_VARIABLE } from '../stores/open-store.js'
import { limitOf } from './limit-of.js'

const OPTIONS = {
  ...STORE_OPTIONS,
  after: { type: 'string' },
  limit: { type: 'string', default: '50' },
  json: { type: 'boolean', default: false },
} as const

// Webhooks that are read at once.
const PAGE = 1000

/** `sora-pipeline runs webhooks` */
export const webhooksCommand: Command<typeof OPTIONS> = {
  summary: 'the webhooks that were given up, oldest first',
  help: `Usage: sora-pipeline runs webhooks --store <path or URL> [--limit n] [--after id] [--json]

Lists the webhooks that backends over a store gave up in the last 30 days, oldest first: age, outcome, attempts, receiver, id of the
run, and the reason of the last failure.

Options:
${STORE_HELP}
  --limit    maximum number of webhooks, from 1 to 1000 (default: 50)
  --after    id of the run after whose webhook to continue
  --json     print { "webhooks": [AbandonedWebhook], "next": id } as JSON; next is missing on the last page
  -h, --help print this`,
  options: OPTIONS,
  maxArguments: 0,
  async run({ values }, context) {
    const address = values.store ?? context.env[STORE_VARIABLE]
    if (address === undefined) {
      throw new UsageError([`--store is missing; give a path or a URL, or set ${STORE_VARIABLE}`])
    }
    const limit = limitOf(values.limit)
    const { prefix, schema, after } = values
    const open = await openStore({ address, prefix, schema }, { canCreate: false })
    try {
      const webhooks = await abandonedWebhooks(open.store, { limit, after })
      if (webhooks.length === 0 && after !== undefined) await checkPlace(open.store, after)
      const next = webhooks.length === limit ? webhooks.at(-1)?.runId : undefined
      if (values.json) context.stdout.write(`${JSON.stringify({ webhooks, ...(next && { next }) })}\n`)
      else printList(webhooks, next, context)
      return EXIT_CODES.done
    } finally {
      await open.close()
    }
  },
}

// After an unknown run the store lists nothing.
async function checkPlace(store: RunStore, after: string): Promise<void> {
  for (let position: string | undefined; ; ) {
    const page = await abandonedWebhooks(store, { limit: PAGE, after: position })
    if (page.some(({ runId }) => runId === after)) return
    position = page.at(-1)?.runId
    if (page.length === PAGE) continue
    const reason = 'no webhook of the run of --after was given up'
    throw new RunStateError(`Could not list the webhooks, ${reason}: ${printable(after)}; give the id of a listed run`)
  }
}

function printList(webhooks: readonly AbandonedWebhook[], next: string | undefined, { stdout }: CommandContext): void {
  const now = Date.now()
  if (webhooks.length === 0) return void stdout.write('No webhooks were given up\n')
  for (const { runId, host, outcome, attempts, abandonedAt, error } of webhooks) {
    const count = attempts === 1 ? '1 attempt' : `${attempts} attempts`
    const cells = [`${duration(now - abandonedAt)} ago`, outcome, count, host, runId, error?.message ?? '-']
    stdout.write(`${cells.map(printable).join('  ')}\n`)
  }
  if (next !== undefined) stdout.write(`More webhooks: ${shellOption('after', next).join(' ')}\n`)
}
