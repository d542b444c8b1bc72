import { once } from 'node:events'
import type { Command } from '../command.js'
import { EXIT_CODES } from '../exit-code.js'
import { listenForInterruption } from '../interruption.js'
import { UsageError } from '../read-arguments.js'
import { startPlay } from './play.js'

const OPTIONS = {
  port: { type: 'string', default: '0' },
} as const

const HELP = `Usage: sora-pipeline play [--port number]

Serves a page on this machine to start videos, watch their stages and play them, with switches for faults: a dead mirror, uploads that are
down, a store that is down, and a kill of the server process. No key, no network, no cost. Nothing is kept after Ctrl-C.

Options:
  --port     port of 127.0.0.1, 0 to 65535 (default: 0, a free one)
  -h, --help print this`

/** `sora-pipeline play`: the page, on the sandbox. */
export const playCommand: Command<typeof OPTIONS> = {
  summary: 'serve a page on this machine to start and watch videos, without a key',
  help: HELP,
  options: OPTIONS,
  maxArguments: 0,
  async run({ values }, context) {
    const port = Number(values.port)
    if (!/^\d{1,5}$/.test(values.port) || port > 65_535) {
      throw new UsageError([`--port is ${values.port}; give a whole number from 0 to 65535`])
    }
    const interruption = listenForInterruption(context)
    const { signal } = interruption
    try {
      const play = await startPlay({ port, stderr: context.stderr }).catch((error: unknown) => {
        throw isPortTaken(error) ? new UsageError([`--port is ${port}, which is in use; give another one`]) : error
      })
      try {
        context.stdout.write(`The page is at ${play.address}\nCtrl-C ends it; its videos are removed then\n`)
        if (!signal.aborted) await once(signal, 'abort')
      } finally {
        await play.close()
      }
      return interruption.exitCode ?? EXIT_CODES.done
    } finally {
      interruption.release()
    }
  },
}

function isPortTaken(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE'
}
