import { styleText } from 'node:util'
import type { StageProgressed, StageStarted } from 'sora-pipeline'
import type { OutputStream } from '../command.js'
import { progressText } from './event-line.js'

/** The last line of a terminal, which shows the progress of a stage while other lines are printed above it. */
export interface ProgressBar {
  /** Shows the progress; its time continues to count between two events. */
  show(event: StageStarted | StageProgressed): void
  /** Prints a line above the bar. */
  print(line: string): void
  /** Removes the bar. */
  hide(): void
}

const REDRAW_MS = 100
const BAR_WIDTH = 30
// Terminals that report no width are assumed to have 80 columns.
const USUAL_COLUMNS = 80
const CLEAR_LINE = '\r\u001b[K'

/** Creates a progress bar for a terminal that can move its cursor. */
export function progressBar(stream: OutputStream): ProgressBar {
  let shown: { readonly event: StageStarted | StageProgressed; readonly at: number } | undefined
  let timer: NodeJS.Timeout | undefined

  const draw = () => {
    if (shown === undefined) return
    const passedMs = performance.now() - shown.at
    stream.write(`${CLEAR_LINE}${barLine(shown.event, passedMs, stream)}`)
  }
  const hide = () => {
    clearInterval(timer)
    timer = undefined
    if (shown !== undefined) stream.write(CLEAR_LINE)
    shown = undefined
  }
  return {
    show(event) {
      shown = { event, at: performance.now() }
      timer ??= setInterval(draw, REDRAW_MS).unref()
      draw()
    },
    print(line) {
      stream.write(`${shown === undefined ? '' : CLEAR_LINE}${line}\n`)
      draw()
    },
    hide,
  }
}

/** The bar as text, never wider than the terminal: a line that wraps could not be overwritten. */
export function barLine(event: StageStarted | StageProgressed, passedMs: number, stream: OutputStream): string {
  const isProgress = event.type === 'stage-progressed'
  const elapsedMs = (isProgress ? event.elapsedMs : 0) + passedMs
  const text = progressText({ ...event, elapsedMs })
  const ratio = isProgress ? (event.ratio ?? 0) : 0
  const filled = Math.round(ratio * BAR_WIDTH)
  const columns = stream.columns || USUAL_COLUMNS
  const stage = `  ${event.stage.padEnd(8)} `
  // The last column stays free, because some terminals wrap after writing to it.
  const room = columns - 1 - stage.length
  if (room < BAR_WIDTH + 1 + text.length) return `${stage}${text}`.slice(0, Math.max(0, columns - 1))
  const done = styleText('cyan', '█'.repeat(filled), { stream })
  const left = styleText('dim', '░'.repeat(BAR_WIDTH - filled), { stream })
  return `${stage}${done}${left} ${text}`
}
