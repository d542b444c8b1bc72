import type { Command } from '../command.js'
import { CONFIG_HELP, CONFIG_OPTION } from '../config/load-config.js'
import { EXIT_CODES } from '../exit-code.js'
import { STORE_HELP, STORE_OPTIONS } from '../stores/open-store.js'
import { examine } from './examine.js'
import { printReport } from './print-report.js'

const OPTIONS = {
  ...STORE_OPTIONS,
  ...CONFIG_OPTION,
  env: { type: 'boolean' },
  json: { type: 'boolean', default: false },
} as const

/** `sora-pipeline doctor` */
export const doctorCommand: Command<typeof OPTIONS> = {
  summary: 'check the configuration, the store and the services',
  help: `Usage: sora-pipeline doctor [--config <file> | --env] [--store <path or URL>] [--json]

Prints the effective configuration with its secrets masked, whether the store, the base URLs and the buckets answer and how
fast, and which promises hold with the store. Every request only reads, and none costs. The exit code is 1 if there is a problem.

Options:
${CONFIG_HELP}
  --env      read the configuration from the variables of sora-pipeline/settings (default without --config)
${STORE_HELP}
  --json     print { "configuration", "settingsStore", "store", "services", "promises", "problems" } as JSON
  -h, --help print this`,
  options: OPTIONS,
  maxArguments: 0,
  async run({ values }, context) {
    const report = await examine(values, context)
    if (values.json) context.stdout.write(`${JSON.stringify(report)}\n`)
    else printReport(report, context)
    return report.problems.length === 0 ? EXIT_CODES.done : EXIT_CODES.failed
  },
}
