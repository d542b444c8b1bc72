import { styleText } from 'node:util'
import type { PipelineEvent, StageProgressed } from 'sora-pipeline'
import type { OutputStream } from '../command.js'
import { printable } from '../printable.js'

/** A line about an event, in colour if the stream supports it; `undefined` for an event without a line. */
export function eventLine(event: PipelineEvent, stream: OutputStream): string | undefined {
  const line = (colour: Colour, mark: string, stage: string, text: string) =>
    // styleText omits colours if the stream is not a terminal, or NO_COLOR is set.
    `${styleText(colour, `${mark} ${stage.padEnd(8)}`, { stream })} ${printable(text)}`
  switch (event.type) {
    case 'stage-started':
      return line('cyan', '>', event.stage, event.label ?? event.strategy)
    case 'stage-progressed':
      return line('dim', '.', event.stage, progressText(event))
    case 'attempt-failed':
      return line('yellow', '!', event.stage, `${event.strategy} failed: ${event.error.message}`)
    case 'fallback-taken':
      return line('yellow', '!', event.stage, `passed over ${event.strategy}, next is ${event.next}`)
    case 'warning':
      return line('yellow', '!', event.stage ?? 'run', event.message)
    case 'stage-completed':
      return line('green', '+', event.stage, `${event.strategy} done in ${seconds(event.durationMs)}`)
    case 'stage-failed':
      return line('red', 'x', event.stage, `given up: ${event.error.message}`)
    default:
      return undefined
  }
}

/** The progress of a stage as text, without the stage. */
export function progressText({ ratio, phase, message, bytesDone, elapsedMs }: Omit<StageProgressed, 'type'>): string {
  const spoken = message ?? phase
  const parts = [
    ratio === undefined ? undefined : percent(ratio),
    spoken === undefined ? undefined : printable(spoken),
    bytesDone === undefined ? undefined : `${bytesDone.toLocaleString('en')} bytes`,
    seconds(elapsedMs),
  ]
  return parts.filter((part) => part !== undefined).join(', ')
}

/** Milliseconds as text in seconds. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

type Colour = Parameters<typeof styleText>[0]

function percent(ratio: number): string {
  return `${Math.floor(ratio * 100)} %`
}
