import type { VideoRequest } from 'sora-pipeline'
import type { Command } from '../command.js'
import { CONFIG_HELP } from '../config/load-config.js'
import { confirm } from '../confirm.js'
import { EXIT_CODES } from '../exit-code.js'
import { printable } from '../printable.js'
import { UsageError } from '../read-arguments.js'
import { STORE_HELP } from '../stores/open-store.js'
import { openRuns, RUNS_OPTIONS } from './open-runs.js'
import { jsonOf } from './settle-command.js'
import { showToEnd } from './show-to-end.js'

const OPTIONS = { ...RUNS_OPTIONS, changes: { type: 'string', default: '{}' }, yes: { type: 'boolean' } } as const

/** `sora-pipeline runs retry` */
export const retryCommand: Command<typeof OPTIONS> = {
  summary: 'make another video of the request of an ended run',
  help: `Usage: sora-pipeline runs retry <id> --config <file> [--store <path or URL>] [--changes json] [--yes]

Starts a new run with the request of a run that has ended, linked to it. A job is paid again. The run continues here; Ctrl-C
leaves it to the next process that resumes it.

Options:
${STORE_HELP}
${CONFIG_HELP}
  --changes  fields of the request to change, as JSON, such as '{"prompt":"A dog"}'
  --yes      do not ask; required where no terminal can ask
  --json     print one event a line as JSON, and as the last line { "type": "retried", "id", "retryOf", "status", "url" }
  -h, --help print this`,
  options: OPTIONS,
  requiredArguments: ['id of the run'],
  maxArguments: 1,
  async run({ values, positionals: [id = ''] }, context) {
    if (values.config === undefined) {
      throw new UsageError(['--config is missing: a retry needs the pipeline, which submits the job'])
    }
    const changes = jsonOf('--changes', values.changes) as Partial<VideoRequest>
    const open = await openRuns(values, context)
    try {
      const { pipeline } = open
      if (pipeline === undefined) return EXIT_CODES.failed
      if (
        !(await confirm(`A job is paid again for the request of ${printable(id)}`, { isGiven: values.yes }, context))
      ) {
        return EXIT_CODES.failed
      }
      const report = { type: 'retried', retryOf: id }
      return await showToEnd({ pipeline, start: () => pipeline.retry(id, changes), report, values, context })
    } finally {
      await open.close()
    }
  },
}
