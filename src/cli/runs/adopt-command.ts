import type { GenerationHandle } from 'sora-pipeline'
import type { Command } from '../command.js'
import { CONFIG_HELP } from '../config/load-config.js'
import { confirm } from '../confirm.js'
import { EXIT_CODES } from '../exit-code.js'
import { UsageError } from '../read-arguments.js'
import { STORE_HELP } from '../stores/open-store.js'
import { openRuns, RUNS_OPTIONS } from './open-runs.js'
import { jsonOf } from './settle-command.js'
import { showToEnd } from './show-to-end.js'

const OPTIONS = {
  ...RUNS_OPTIONS,
  id: { type: 'string' },
  owner: { type: 'string' },
  yes: { type: 'boolean' },
} as const

const EXAMPLE = '{"generator":"videos-api","operation":{"id":"video_123"},"startedAt":1767225600000}'

/** `sora-pipeline runs adopt` */
export const adoptCommand: Command<typeof OPTIONS> = {
  summary: 'make a run of a paid job that the store does not know',
  help: `Usage: sora-pipeline runs adopt <handle> --config <file> [--store <path or URL>] [--id id] [--owner name] [--yes]

Makes a run of a paid job, such as one whose handle is in an error: '{"generator":"videos-api","operation":{"id":"video_123"},
"startedAt":1767225600000}'. Nothing is submitted. The run continues here; Ctrl-C leaves it to the next process that resumes it.

Options:
${STORE_HELP}
${CONFIG_HELP}
  --id       id of the new run (default: random)
  --owner    owner of the new run
  --yes      do not ask; required where no terminal can ask
  --json     print one event a line as JSON, and as the last line { "type": "adopted", "id", "status", "url" }
  -h, --help print this`,
  options: OPTIONS,
  requiredArguments: ['handle of the job'],
  maxArguments: 1,
  async run({ values, positionals: [text = ''] }, context) {
    if (values.config === undefined) {
      throw new UsageError(['--config is missing: a job is adopted by the pipeline, which polls it'])
    }
    const handle = jsonOf('the handle', text, EXAMPLE) as GenerationHandle
    const { id, owner } = values
    const open = await openRuns(values, context)
    try {
      const { pipeline } = open
      if (pipeline === undefined) return EXIT_CODES.failed
      if (!(await confirm('The job becomes a run of this store', { isGiven: values.yes }, context))) {
        return EXIT_CODES.failed
      }
      const start = () => pipeline.adopt(handle, { id, owner })
      return await showToEnd({ pipeline, start, report: { type: 'adopted' }, values, context })
    } finally {
      await open.close()
    }
  },
}
