import type { PipelineEvent, StageProgressed } from '../contracts/events.js'
import type { StageName } from '../contracts/stage.js'
import { plainLine } from './plain-text.js'
import type { ProgressTexts } from './progress-texts.js'

/** A progress line of a run. A `step` is one of the five steps of every run; a `note` is any other line. */
export interface ProgressLine {
  readonly kind: 'step' | 'note'
  readonly text: string
}

/** The lines so far. Immutable: each event creates a new state. */
export interface ProgressState {
  readonly stage: StageName | undefined
  /** The last percentage shown for the stage; 0 before the first. */
  readonly percent: number
  /** Epoch milliseconds of the last line about the progress of the stage. */
  readonly saidAt: number
  /** When each text was last shown, in epoch milliseconds. */
  readonly said: ReadonlyMap<string, number>
}

/** Before the first event. */
export const NOTHING_SAID: ProgressState = { stage: undefined, percent: 0, saidAt: 0, said: new Map() }

const STEP_POINTS = 10
const STEP_MS = 15_000
const WAITING_MS = 30_000

/**
 * The line of an event, if any. Lines are thinned by the times of the events: a percentage appears every 10 points or, if it
 * moved, every 15 s; the elapsed time every 30 s without another line of the stage; the same note at most every 15 s; the same
 * step once, also after a resume.
 */
export function nextProgressLine(
  state: ProgressState,
  event: PipelineEvent,
  texts: ProgressTexts,
): { readonly state: ProgressState; readonly line?: ProgressLine } {
  switch (event.type) {
    case 'stage-started': {
      const started = { ...state, stage: event.stage, percent: 0, saidAt: event.at }
      const text = startText(event.stage, event.label ?? event.strategy, texts)
      return say(started, { kind: 'step', text }, event.at, Number.POSITIVE_INFINITY)
    }
    case 'stage-completed':
      if (event.stage !== 'generate') return { state }
      return say(state, { kind: 'step', text: texts.generated }, event.at, Number.POSITIVE_INFINITY)
    case 'stage-progressed':
      return progressed(state, event, texts)
    case 'attempt-failed':
      return note(state, event.at, texts.attemptFailed(event.stage, event.label ?? event.strategy, event.error.code))
    case 'fallback-taken':
      return note(state, event.at, texts.fellBack(event.stage, event.next))
    case 'stage-failed':
      // Without a video the run fails next, and its error has the details.
      if (event.stage === 'generate') return { state }
      return note(state, event.at, texts.stageFailed(event.stage, event.error.code))
    case 'warning':
      return note(state, event.at, texts.warned(plainLine(event.message)))
    default:
      return { state }
  }
}

function progressed(state: ProgressState, event: StageProgressed, texts: ProgressTexts) {
  const known = event.stage === state.stage ? state : { ...state, stage: event.stage, percent: 0, saidAt: event.at }
  const silentMs = event.at - known.saidAt
  const percent = percentOf(event)
  const points = percent - known.percent
  if (points >= STEP_POINTS || (points > 0 && silentMs >= STEP_MS)) {
    const line: ProgressLine = { kind: 'note', text: texts.progressed(event.stage, percent) }
    return { state: { ...known, percent, saidAt: event.at }, line }
  }
  if (silentMs < WAITING_MS) return { state: known }
  const text = texts.waiting(event.stage, Math.round(event.elapsedMs / 1000), plainPhase(event.phase))
  return { state: { ...known, saidAt: event.at }, line: { kind: 'note', text } as const }
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

function note(state: ProgressState, at: number, text: string) {
  return say(state, { kind: 'note', text }, at, STEP_MS)
}

function say(state: ProgressState, line: ProgressLine, at: number, againAfterMs: number) {
  const before = state.said.get(line.text)
  if (before !== undefined && at - before < againAfterMs) return { state }
  return { state: { ...state, said: new Map(state.said).set(line.text, at) }, line }
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
