import type { Clock } from '../../contracts/clock.js'
import type { PipelineEvent } from '../../contracts/events.js'
import type { PipelineRun } from '../../pipeline/pipeline-run.js'

/**
 * Waits until the upstream has taken the job of a run, or the time is up: from then on the run has an answer of its own, whatever
 * comes. A run that is joined late has been taken already.
 * @throws what the run failed with before that, and `signal.reason` of a caller who went away.
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
  timeUp.catch(() => undefined) // The race below has it, or is over.
  try {
    for (;;) {
      const { value: event } = await Promise.race([events.next(), timeUp])
      if (event === undefined || isAcceptance(event)) return
      if (event.type === 'run-failed') await run.result
    }
  } finally {
    signal.removeEventListener('abort', leave)
    done.abort()
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
      // There is a video all the same; this server gives it out.
      return event.error.code === 'no-usable-url'
    default:
      return false
  }
}
