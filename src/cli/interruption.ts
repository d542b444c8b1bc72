import type { CommandContext } from './command.js'
import { EXIT_CODES } from './exit-code.js'

/** Interruptions of a command. */
export interface Interruption {
  /** Aborted with the cause, in human-readable words. */
  readonly signal: AbortSignal
  /** The exit code of the interruption; `undefined` until there is one. */
  readonly exitCode: number | undefined
  /** Restores Node's handling of the signals. */
  release(): void
}

/**
 * How long further signals count as the first one: npm forwards Ctrl-C to a process that already received it from the
 * terminal. After that a signal ends the process at once, as in Node.
 */
const ONE_SIGNAL_MS = 1000

/** Listens for SIGINT, SIGTERM and the close of the output. */
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
  const onTerminate = () => stop(EXIT_CODES.terminated, 'The process received SIGTERM')
  const onBrokenPipe = () => stop(EXIT_CODES['broken-pipe'], 'The reader of the output closed it')
  const giveBack = () => {
    clearTimeout(timer)
    signals.off('SIGINT', onInterrupt)
    signals.off('SIGTERM', onTerminate)
  }
  signals.on('SIGINT', onInterrupt)
  signals.on('SIGTERM', onTerminate)
  // It stays, because without a listener the next write to a closed pipe throws.
  stdout.on('error', onBrokenPipe)
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode
    },
    release: giveBack,
  }
}
