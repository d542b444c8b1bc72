import type { RunStateError } from '../../contracts/run-errors.js'
import type { RunStore } from '../../contracts/run-store.js'
import type { PipelineConfig } from '../pipeline-config.js'
import type { RunState } from '../state/run-state.js'
import type { KeptMedia } from '../state/stored-request.js'
import { toStoredRun } from '../state/stored-run.js'
import { inBackground } from './in-background.js'
import { isAnswer, storeFailure } from './store-calls.js'
import type { TimedStore } from './timed-store.js'

/** Options of a new run. */
export interface Creation {
  readonly fresh: RunState
  readonly media: readonly KeptMedia[]
  readonly timed: TimedStore
}

/**
 * Saves a new run after its media. The beat of a worker that holds it comes first, because a run whose worker has none is free.
 * Resolves to `false` when the store knows the id.
 * @throws RunStateError, retryable, when the store does not respond; late effects are then undone.
 */
export async function createRun(config: PipelineConfig, creation: Creation): Promise<boolean> {
  const { fresh, media, timed } = creation
  const { id } = fresh
  const { rawStore, lease } = config
  // Started operations: they may reach the store after their time limit.
  const begun: Promise<unknown>[] = []
  const recorded = <T>(operation: Promise<T>): Promise<T> => {
    begun.push(operation)
    return operation
  }
  let creating: Promise<boolean> | undefined
  try {
    if (fresh.worker !== undefined) await timed.wait('heartbeat', () => lease.beat())
    for (const { sha256, bytes } of media) {
      await timed.wait('putMedia', async () => recorded(Promise.resolve(rawStore.putMedia?.(id, sha256, bytes))))
    }
    const isCreated = await timed.wait('create', async () => {
      creating = rawStore.create(id, toStoredRun(fresh))
      return recorded(creating)
    })
    if (!isCreated && media.length > 0) withdrawLater(config, creation, begun, undefined)
    return isCreated
  } catch (error) {
    const failure = storeFailure(`Could not save the run, nothing was sent: ${id}`, error, true)
    if (begun.length > 0) withdrawLater(config, creation, begun, creating && failure)
    throw isAnswer(error) ? error : failure
  }
}

function withdrawLater(
  config: PipelineConfig,
  creation: Creation,
  begun: readonly Promise<unknown>[],
  failure: RunStateError | undefined,
): void {
  const settled = Promise.allSettled(begun)
  const undo = () => withdraw(config.store, { ...creation, failure, now: config.clock.now() })
  inBackground(config, async () => {
    // An operation that hangs may have had its effect; a late effect is undone then.
    const late = config.clock.sleep(config.storeTimeoutMs).then(() => 'late')
    if ((await Promise.race([settled, late])) === 'late') settled.then(() => inBackground(config, undo))
    await undo()
  })
}

// A run that was created without a response must not be paid later, because its caller got an error. Unused media is removed.
async function withdraw(
  store: RunStore,
  what: Pick<Creation, 'fresh' | 'media'> & { readonly failure: RunStateError | undefined; readonly now: number },
): Promise<void> {
  const { fresh, media, failure, now } = what
  const { id, worker, startedAt } = fresh
  const loaded = await store.load(id)
  let isNeeded = loaded?.state.status === 'running' || loaded?.state.status === 'needs-review'
  const isOwn = loaded?.version === 1 && loaded.state.worker === worker && loaded.state.startedAt === startedAt
  if (failure && isOwn) {
    const { worker: _worker, ...rest } = fresh
    const ended: RunState = { ...rest, status: 'failed', endedAt: now, error: failure.toJSON(), isRefused: true }
    await store.save(id, 1, toStoredRun(ended))
    isNeeded = false
  }
  if (!isNeeded && media.length > 0) await store.dropMedia?.(id)
}
