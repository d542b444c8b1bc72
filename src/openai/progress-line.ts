import type { PipelineEvent, StageProgressed } from '../contracts/events.js'
import type { StageName } from '../contracts/stage.js'
import { plainLine } from './plain-text.js'
import type { ProgressTexts } from './progress-texts.js'

/** A progress line of a run. A `step` is one of the five steps of every run; a `note` is any other line. */
export interface ProgressLine {
  readonly kind: 'step' | 'note'
  readonly text: string
}

const STEP_POINTS = 10
const STEP_MS = 15_000
const WAITING_MS = 30_000
// More different notes than this within 15 s are not compared with each other.
const MOST_NOTES = 8

/**
 * The lines of a run. They are thinned by the times of the events: a percentage appears every 10 points or, if it moved, every
 * 15 s; the elapsed time every 30 s without another line of the stage; the same note at most every 15 s; the same step once,
 * also after a resume. Memory is bounded however many notes differ.
 */
export class ProgressLines {
  readonly #texts: ProgressTexts
  #stage: StageName | undefined
  /** The last percentage shown for the stage; 0 before the first. */
  #percent = 0
  /** Epoch milliseconds of the last line about the progress of the stage. */
  #saidAt = 0
  // Few: short lists take less time and memory than a set and a map, which counts in thousands of open streams.
  #steps: readonly string[] = []
  /** The latest notes, the oldest first. */
  #notes: { readonly text: string; readonly at: number }[] = []

  constructor(texts: ProgressTexts) {
    this.#texts = texts
  }

  /** The line of an event, if any. */
  next(event: PipelineEvent): ProgressLine | undefined {
    const texts = this.#texts
    switch (event.type) {
      case 'stage-started':
        this.#enter(event)
        return this.#step(startText(event.stage, event.label ?? event.strategy, texts))
      case 'stage-completed':
        return event.stage === 'generate' ? this.#step(texts.generated) : undefined
      case 'stage-progressed':
        return this.#progressed(event)
      case 'attempt-failed':
        return this.#note(event.at, texts.attemptFailed(event.stage, event.label ?? event.strategy, event.error.code))
      case 'fallback-taken':
        return this.#note(event.at, texts.fellBack(event.stage, event.next))
      case 'stage-failed':
        // Without a video the run fails next, and its error has the details.
        if (event.stage === 'generate') return undefined
        return this.#note(event.at, texts.stageFailed(event.stage, event.error.code))
      case 'warning':
        return this.#note(event.at, texts.warned(plainLine(event.message)))
      default:
        return undefined
    }
  }

  #enter({ stage, at }: { readonly stage: StageName; readonly at: number }): void {
    this.#stage = stage
    this.#percent = 0
    this.#saidAt = at
  }

  #progressed(event: StageProgressed): ProgressLine | undefined {
    const { stage, at } = event
    if (stage !== this.#stage) this.#enter(event)
    const silentMs = at - this.#saidAt
    const percent = percentOf(event)
    const points = percent - this.#percent
    if (points >= STEP_POINTS || (points > 0 && silentMs >= STEP_MS)) {
      const text = this.#texts.progressed(stage, percent)
      this.#percent = percent
      this.#saidAt = at
      return { kind: 'note', text }
    }
    if (silentMs < WAITING_MS) return undefined
    const text = this.#texts.waiting(stage, Math.round(event.elapsedMs / 1000), plainPhase(event.phase))
    this.#saidAt = at
    return { kind: 'note', text }
  }

  #step(text: string): ProgressLine | undefined {
    if (this.#steps.includes(text)) return undefined
    this.#steps = [...this.#steps, text]
    return { kind: 'step', text }
  }

  #note(at: number, text: string): ProgressLine | undefined {
    const before = this.#notes.findIndex((shown) => shown.text === text)
    if (before !== -1 && at - (this.#notes[before]?.at ?? 0) < STEP_MS) return undefined
    // A new list without room to grow; one of the full length stays.
    if (before === -1 && this.#notes.length < MOST_NOTES) this.#notes = [...this.#notes, { text, at }]
    else {
      if (before > 0) this.#notes.splice(before, 1)
      else this.#notes.shift()
      this.#notes.push({ text, at })
    }
    return { kind: 'note', text }
  }
}

function percentOf({ ratio, bytesDone = 0, bytesTotal = 0 }: StageProgressed): number {
  const part = ratio ?? (bytesTotal > 0 ? bytesDone / bytesTotal : 0)
  // Rounded down, so that 100 means done; 0.29 times 100 is a hair below 29 in floating point.
  return Math.floor(100 * Math.min(1, part) + 1e-9)
}

// A phase is text of the upstream: it is left out if it is more than words.
function plainPhase(phase: string | undefined): string | undefined {
  return phase !== undefined && /^[\p{L}\p{N}][\p{L}\p{N} _-]{0,39}$/u.test(phase) ? phase : undefined
}

function startText(stage: StageName, target: string, texts: ProgressTexts): string {
  switch (stage) {
    case 'generate':
      return texts.generating
    case 'publish':
      return texts.publishing
    case 'resolve':
      return texts.resolving
    case 'upload':
      return texts.uploading(target)
  }
}
