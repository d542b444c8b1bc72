import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import type { CommandContext } from '../../src/cli/command.js'

/** What a command prints, and the signals that it is sent. */
export interface FakeTerminal extends CommandContext {
  /** What went to stdout so far. */
  out(): string
  /** What went to stderr so far. */
  err(): string
  /** Resolves once stdout has a text. */
  untilPrinted(text: string): Promise<void>
}

/** What a {@link fakeTerminal} is like. */
export interface TerminalOptions {
  readonly columns?: number
  readonly isDumb?: boolean
  /** What a person answers to a question. */
  readonly answer?: string
  readonly env?: CommandContext['env']
}

/** Streams and signals as a process has them; with `columns` stdout is a terminal of that width. */
export function fakeTerminal({ columns, isDumb = false, answer, env = {} }: TerminalOptions = {}): FakeTerminal {
  const stdout = Object.assign(new PassThrough(), columns === undefined ? {} : { isTTY: true, columns })
  const stderr = Object.assign(new PassThrough(), answer === undefined ? {} : { isTTY: true })
  const stdin = Object.assign(new PassThrough(), answer === undefined ? {} : { isTTY: true })
  if (answer !== undefined) stdin.end(`${answer}\n`)
  const texts = { out: '', err: '' }
  const changes = new EventEmitter()
  stdout.on('data', (bytes: Buffer) => {
    texts.out += bytes.toString()
    changes.emit('change')
  })
  stderr.on('data', (bytes: Buffer) => {
    texts.err += bytes.toString()
  })
  return {
    stdout,
    stderr,
    stdin,
    env,
    signals: new EventEmitter(),
    isDumb,
    out: () => texts.out,
    err: () => texts.err,
    untilPrinted: (text) =>
      new Promise((resolve) => {
        const look = () => {
          if (!texts.out.includes(text)) return
          changes.off('change', look)
          resolve()
        }
        changes.on('change', look)
        look()
      }),
  }
}
