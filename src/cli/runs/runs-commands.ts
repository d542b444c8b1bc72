import type { CommandGroup } from '../command.js'
import { adoptCommand } from './adopt-command.js'
import { eraseCommand, pruneCommand, removeCommand } from './forget-commands.js'
import { listCommand } from './list-command.js'
import { retryCommand } from './retry-command.js'
import { settleCommand } from './settle-command.js'
import { showCommand } from './show-command.js'
import { webhooksCommand } from './webhooks-command.js'

const COMMANDS = {
  list: listCommand,
  show: showCommand,
  settle: settleCommand,
  adopt: adoptCommand,
  retry: retryCommand,
  prune: pruneCommand,
  erase: eraseCommand,
  remove: removeCommand,
  webhooks: webhooksCommand,
}

/** `sora-pipeline runs`: the runs of a store. */
export const runsCommands: CommandGroup = {
  summary: 'list, explain and settle the runs of a store',
  help: `Usage: sora-pipeline runs <command> --store <path or URL> [options]

Commands:
${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(9)}  ${summary}`)
  .join('\n')}

Run sora-pipeline runs <command> --help for the options of a command.`,
  commands: COMMANDS,
}
