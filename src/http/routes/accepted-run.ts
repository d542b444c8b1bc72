import type { Clock } from '../../contracts/clock.js'
import type { PipelineEvent } from '../../contracts/events.js'
import type { PipelineRun } from '../../pipeline/pipeline-run.js'
import { abortable } from '../../upstream/abortable.js'

// Nothing reads it; the default reason would be an error with a stack for every request.
const DONE = 'done'

/**
 * Waits until the upstream has accepted the job of a run, or the time is up: after that every outcome is reported
 * through the run. A run that is joined late was already accepted. A run without any event is not saved yet, and might
 * not be found later: its first event is awaited beyond the time, which the limit of the store's operations bounds.
 * @throws the error of a run that failed before that, and `signal.reason` of a client that disconnected.
 */
export async function untilAccepted(
  run: PipelineRun,
  { timeoutMs, clock, signal }: { readonly timeoutMs: number; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const events = run[Symbol.asyncIterator]()
  const done = new AbortController()
  const leave = () => done.abort(signal.reason)
  signal.addEventListener('abort', leave, { once: true })
  if (signal.aborted) leave()
  const timeUp = clock.sleep(timeoutMs, { signal: done.signal }).then(() => ({ done: true, value: undefined }) as const)
  timeUp.catch(() => undefined) // The race below handles it, or is over.
  try {
    for (let isSaved = false; ; isSaved = true) {
      const { value: event } = isSaved
        ? await Promise.race([events.next(), timeUp])
        : await abortable(done.signal, events.next())
      if (event === undefined || isAcceptance(event)) return
      if (event.type === 'run-failed') await run.result
    }
  } finally {
    signal.removeEventListener('abort', leave)
    done.abort(DONE)
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
