import type { PipelineEvent, PipelineRun, StoredRun } from 'sora-pipeline'
import type { Provider } from './provider.ts'
import type { Worker } from './worker.ts'
import type { WorldKind } from './world-kind.ts'

const SEQUENCES = 1_000_000

/** What the workers of a world left of a run. */
export interface Outcome {
  readonly run: string
  readonly state: StoredRun | undefined
  /** Whether its caller was given the URL, also by a worker that could not save it any more. */
  readonly isGiven: boolean
}

/** What must not be when the workers are done and no person has looked yet. */
export function* brokenByWorkers(
  { run, state, isGiven }: Outcome,
  providers: readonly Provider[],
  { dangers, lookup, hasFormerVersion, mayBeInReview, mayBeLate }: WorldKind,
): Generator<string> {
  const paid = providers.flatMap(({ jobs }) => [...jobs.values()].filter((job) => job.run === run).map(({ id }) => id))
  if (paid.length > 1) yield `${run} was paid ${paid.length} times: ${paid.join()}`
  // What a worker could not save because the store was down dies with it.
  const isStoreSafe = dangers.storeDown === 0 && dangers.storeHangs === 0
  const isKnown = (worker: Worker | undefined) => worker !== undefined && (isStoreSafe || worker.isAlive)
  const wasTold = !isGiven && providers.some(({ told }) => isKnown(told.get(run)))
  // A person is to be able to settle what failed for want of time.
  const isLate = mayBeLate && state?.status === 'failed'
  if (wasTold && state?.status !== 'completed' && !isLate) yield `the video of ${run} was lost: ${state?.status}`
  const hasHeard = (worker: Worker | undefined) => worker?.isAlive || (worker?.hasLeft && isStoreSafe)
  // What 0.1.0 sent, this version does not send again: it cannot know which generator that went to.
  const isUnheard =
    !isGiven &&
    !hasFormerVersion &&
    state?.status === 'needs-review' &&
    providers.some(({ answered }) => hasHeard(answered.get(run)))
  if (isUnheard) yield `the answer to ${run} was not heard`
  if (state?.status === 'running') yield `${run} never ended`
  if (state?.status === 'needs-review' && !mayBeInReview) yield `${run} went to a person in vain (${lookup})`
}

/** What must not be true after a person has checked what was left: a job that was paid has its video in the run that it is of. */
export function* brokenAfterReview({ run, state }: Outcome, providers: readonly Provider[]): Generator<string> {
  const videoId = (state?.video as { readonly id?: unknown } | undefined)?.id
  const paid = providers.flatMap(({ jobs }) => [...jobs.values()].filter((job) => job.run === run).map(({ id }) => id))
  if (paid.length > 1) yield `${run} was paid ${paid.length} times after review: ${paid.join()}`
  if (paid.length === 0) return
  if (state?.status !== 'completed') yield `${run} was paid and cannot be completed by a person: ${state?.status}`
  else if (videoId !== paid[0]) yield `${run} has the video of another: ${videoId}`
}

/** Resolves to the type of the last event, when the worker lives to see it. */
export async function checkEvents(
  run: PipelineRun,
  worker: Worker,
  violations: string[],
): Promise<PipelineEvent['type'] | undefined> {
  const events: PipelineEvent[] = []
  for await (const event of run) events.push(event)
  if (!worker.isAlive) return undefined
  const isTerminal = ({ type }: PipelineEvent) => type === 'run-completed' || type === 'run-failed'
  // Numbers rise by one from takeover to takeover: an event with which a process only left the run is not that of others.
  const isGap = ({ sequence, type }: PipelineEvent, index: number) => {
    const former = events[index - 1]?.sequence
    if (former === undefined || sequence === former + 1) return false
    return sequence <= former || (type !== 'run-resumed' && sequence % SEQUENCES !== 0)
  }
  if (events.some(isGap)) violations.push(`the events of ${run.id} have gaps`)
  if (events.filter(isTerminal).length !== 1) violations.push(`${run.id} has not exactly one terminal event`)
  const last = events.at(-1)
  if (last === undefined || !isTerminal(last)) violations.push(`the last event of ${run.id} is ${last?.type}`)
  return last?.type
}
