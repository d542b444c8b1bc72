import type { PipelineEvent } from 'sora-pipeline'
import type { CommandContext } from '../command.js'
import { eventLine } from './event-line.js'
import { progressBar } from './progress-bar.js'

/** Shows the events of a run. */
export interface RunDisplay {
  show(event: PipelineEvent): void
  /** Prints a line of text; nothing in JSON mode. */
  say(line: string): void
  /** Prints a value as a line of JSON; nothing in text mode. */
  report(value: object): void
  /** Removes temporary output. */
  end(): void
}

/** Prints one JSON value a line; or a bar below the lines on a terminal; or plain lines. */
export function runDisplay({ stdout, isDumb }: CommandContext, { isJson }: { readonly isJson: boolean }): RunDisplay {
  const print = (line: string) => void stdout.write(`${line}\n`)
  const nothing = () => undefined
  if (isJson) {
    const report = (value: object) => print(JSON.stringify(value))
    return { show: report, report, say: nothing, end: nothing }
  }
  const show = stdout.isTTY === true && !isDumb ? showWithBar(stdout) : undefined
  return {
    show: show?.event ?? ((event) => printed(eventLine(event, stdout), print)),
    say: print,
    report: nothing,
    end: show?.end ?? nothing,
  }
}

function showWithBar(stdout: CommandContext['stdout']) {
  const bar = progressBar(stdout)
  const event = (event: PipelineEvent) => {
    if (event.type === 'stage-started' || event.type === 'stage-progressed') return bar.show(event)
    if (event.type === 'stage-completed' || event.type === 'stage-failed') bar.hide()
    printed(eventLine(event, stdout), bar.print)
  }
  return { event, end: bar.hide }
}

function printed(line: string | undefined, print: (line: string) => void): void {
  if (line !== undefined) print(line)
}
