import type { Clock } from '../../contracts/clock.js'
import type { PipelineEvent } from '../../contracts/events.js'
import type { PipelineRun } from '../../pipeline/pipeline-run.js'
import { startTimer } from '../../timing/system-clock.js'

/**
 * Waits until the upstream has accepted the job of a run, or the time is up: after that every outcome is reported
 * through the run. A run that is joined late was already accepted. A run without any event is not saved yet, unless it
 * reports that it is, and might not be found later: its first event is awaited beyond the time, which the limit of the
 * store's operations bounds.
 * @throws the error of a run that failed before that, and `signal.reason` of a client that disconnected.
 */
export async function untilAccepted(
  run: PipelineRun,
  { timeoutMs, clock, signal }: { readonly timeoutMs: number; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const events = run[Symbol.asyncIterator]()
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
  const leave = () => reject(signal.reason)
  signal.addEventListener('abort', leave, { once: true })
  if (signal.aborted) leave()
  let isSaved = false
  let isTimeUp = false
  const timer = startTimer(clock, timeoutMs, () => {
    isTimeUp = true
    if (isSaved) resolve()
  })
  const saved = () => {
    isSaved = true
    if (isTimeUp) resolve()
  }
  // A run that was not saved has a last event.
  run.saved?.then(saved, () => undefined)
  const read = () => void events.next().then(take, reject)
  const take = (step: IteratorResult<PipelineEvent, unknown>) => {
    if (step.done === true || isAcceptance(step.value)) resolve()
    else if (step.value.type === 'run-failed') run.result.then(() => resolve(), reject)
    else {
      // A failure that is known by now is still an answer with its status.
      if (isTimeUp) setTimeout(resolve, 0)
      read()
    }
    isSaved = true
  }
  read()
  try {
    await ended
  } finally {
    signal.removeEventListener('abort', leave)
    timer.stop()
    await events.return?.()
  }
}

function isAcceptance(event: PipelineEvent): boolean {
  switch (event.type) {
    case 'stage-progressed':
    case 'stage-completed':
    case 'run-completed':
      return true
    case 'run-failed':
      // There is a video, which this server delivers.
      return event.error.code === 'no-usable-url'
    default:
      return false
  }
}
