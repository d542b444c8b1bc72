import type { CommandContext } from './command.js'
import { EXIT_CODES } from './exit-code.js'

/** What stops a command from outside. */
export interface Interruption {
  /** Aborted with the cause, in words for people. */
  readonly signal: AbortSignal
  /** What the process then exits with; `undefined` while nothing has stopped it. */
  readonly exitCode: number | undefined
  /** Gives the signals back to Node. */
  release(): void
}

/**
 * For how long further signals count as the first one: npm forwards Ctrl-C to a process that the terminal has sent it to already. After
 * that a signal ends the process at once, as Node does.
 */
const ONE_SIGNAL_MS = 1000

/** Listens for SIGINT, SIGTERM and the end of the reader of the output. */
export function listenForInterruption({ signals, stdout }: Pick<CommandContext, 'signals' | 'stdout'>): Interruption {
  const controller = new AbortController()
  let exitCode: number | undefined
  let timer: NodeJS.Timeout | undefined
  const stop = (code: number, reason: string) => {
    exitCode ??= code
    timer ??= setTimeout(giveBack, ONE_SIGNAL_MS).unref()
    controller.abort(new DOMException(reason, 'AbortError'))
  }
  const onInterrupt = () => stop(EXIT_CODES.interrupted, 'Ctrl-C was pressed')
  const onTerminate = () => stop(EXIT_CODES.terminated, 'The process was asked to end')
  const onBrokenPipe = () => stop(EXIT_CODES['broken-pipe'], 'The reader of the output left')
  const giveBack = () => {
    clearTimeout(timer)
    signals.off('SIGINT', onInterrupt)
    signals.off('SIGTERM', onTerminate)
  }
  signals.on('SIGINT', onInterrupt)
  signals.on('SIGTERM', onTerminate)
  // It stays: without a listener the next write to a closed pipe throws.
  stdout.on('error', onBrokenPipe)
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode
    },
    release: giveBack,
  }
}
