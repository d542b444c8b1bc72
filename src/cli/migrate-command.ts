import type { Command } from './command.js'
import { EXIT_CODES } from './exit-code.js'
import { printable } from './printable.js'
import { UsageError } from './read-arguments.js'
import { openStore, STORE_HELP, STORE_OPTIONS, STORE_VARIABLE } from './stores/open-store.js'

const OPTIONS = { ...STORE_OPTIONS, json: { type: 'boolean', default: false } } as const

/** `sora-pipeline migrate` */
export const migrateCommand: Command<typeof OPTIONS> = {
  summary: 'create or upgrade what a store needs',
  help: `Usage: sora-pipeline migrate --store <path or URL> [--json]

Creates what a store needs, or upgrades what an earlier version made: tables in PostgreSQL, the mark of the keys in Redis, a
database file, or a directory (a path that ends in /). Running it again changes nothing, and any number of processes may run it
at once. The settings of a server that break the promises of the store are printed; then the exit code is 1.

Options:
${STORE_HELP}
  --json     print { "type": "migrated", "kind", "problems": [{ "setting", "value", "fix" }] } as JSON
  -h, --help print this`,
  options: OPTIONS,
  maxArguments: 0,
  async run({ values }, { stdout, stderr, env }) {
    const address = values.store ?? env[STORE_VARIABLE]
    if (address === undefined) {
      throw new UsageError([`--store is missing; give a path or a URL, or set ${STORE_VARIABLE}`])
    }
    const { prefix, schema } = values
    const open = await openStore({ address, prefix, schema }, { canCreate: true })
    try {
      await open.migrate()
      const problems = await open.checkServer()
      if (values.json) stdout.write(`${JSON.stringify({ type: 'migrated', kind: open.kind, problems })}\n`)
      else stdout.write(`The ${open.kind} store is ready\n`)
      for (const { setting, value, fix } of problems) stderr.write(`${printable(`${setting} is ${value}: ${fix}`)}\n`)
      return problems.length === 0 ? EXIT_CODES.done : EXIT_CODES.failed
    } finally {
      await open.close()
    }
  },
}
