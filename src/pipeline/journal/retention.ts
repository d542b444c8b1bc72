import { problemsOfOptions } from '../../contracts/check-options.js'
import { toErrorJson } from '../../contracts/errors.js'
import { InvalidRequestError } from '../../contracts/input-errors.js'
import { number, required } from '../../contracts/option-rules.js'
import { RunStateError } from '../../contracts/run-errors.js'
import { checkId } from '../check-request.js'
import type { PipelineConfig } from '../pipeline-config.js'
import { type RunSession, warn } from '../run-session.js'
import type { RunState } from '../state/run-state.js'
import { namesMedia } from '../state/stored-request.js'
import { toStoredRun } from '../state/stored-run.js'
import { answerOf, isFenced, loadRun } from './store-calls.js'

/** Which runs `pipeline.prune` forgets. */
export interface PruneOptions {
  /**
   * Epoch milliseconds, not in the future: runs that completed or failed before it are forgotten. A later time is refused with
   * `InvalidRequestError`.
   */
  readonly endedBefore: number
}

const SAVE_TRIES = 5

/**
 * Removes the media of a run that has ended, unless the end is not saved, because then another process may resume the run. A
 * failure costs only space.
 */
export async function dropMedia(session: RunSession): Promise<void> {
  const { id, state, journal } = session
  const hasMedia = namesMedia(state.request) || state.fetchedMedia !== undefined
  if (!hasMedia || !hasEnded(journal.saved)) return
  try {
    await journal.store.dropMedia?.(id)
  } catch (error) {
    const message = `Could not remove the media of the run: ${toErrorJson(error).code}`
    warn(session, { code: 'store-unavailable', message })
  }
}

/**
 * Forgets runs that ended before an instant, and resolves to their number.
 * @throws InvalidRequestError when the instant is in the future. RunStateError when the store is down, or cannot forget.
 */
export async function pruneRuns({ store, clock }: PipelineConfig, options: PruneOptions): Promise<number> {
  const now = clock.now()
  const isPast = number((value) => value <= now, `give epoch milliseconds that are not in the future, such as ${now}`)
  const problems = problemsOfOptions<PruneOptions>('options', options, { endedBefore: required(isPast) }, '')
  if (problems.length > 0) throw new InvalidRequestError(problems)
  const { endedBefore } = options
  const prune = store.prune?.bind(store)
  if (prune === undefined) throw new RunStateError('Could not prune the runs, this store has no prune()')
  return answerOf(() => prune({ endedBefore, now }), 'Could not prune the runs, the store is down')
}

/**
 * Removes the prompt, the media and all other input of a run that has ended. The outcome stays, without the prompt if an upstream
 * quoted all of it.
 * @throws RunStateError when the store does not know the run or is down, or the run is running or in review.
 */
export async function eraseRun(config: PipelineConfig, id: string): Promise<void> {
  checkId(id)
  const { store, clock } = config
  for (let tries = 1; ; tries += 1) {
    const loaded = await loadRun(store, id)
    if (loaded === undefined) throw new RunStateError(`Could not erase the run, the store does not know it: ${id}`)
    const { state, version } = loaded
    if (state.status === 'running') throw new RunStateError(`Could not erase the run, it is running; cancel it: ${id}`)
    if (state.status === 'needs-review') {
      throw new RunStateError(`Could not erase the run, it is in review; settle it: ${id}`)
    }
    const { prompt } = state.request
    const { fetchedMedia: _fetchedMedia, ...rest } = unquoted(state, prompt)
    const erased: RunState = { ...rest, request: { prompt: '' }, erasedAt: clock.now() }
    try {
      await answerOf(
        () => store.save(id, version, toStoredRun(erased)),
        `Could not erase the run, the store is down: ${id}`,
      )
      await answerOf(async () => store.dropMedia?.(id), `Could not remove the media, the store is down: ${id}`)
      return
    } catch (error) {
      if (!isFenced(error) || tries === SAVE_TRIES) throw error
    }
  }
}

// A shorter prompt may be a common word in a message.
const SHORTEST_QUOTE = 8

function unquoted(state: RunState, prompt: string): RunState {
  if (prompt.length < SHORTEST_QUOTE) return state
  const { error, warnings, attempts } = state
  const clean = withoutText({ error, warnings, attempts }, prompt) as Pick<RunState, 'error' | 'warnings' | 'attempts'>
  return { ...state, warnings: clean.warnings, attempts: clean.attempts, ...(clean.error && { error: clean.error }) }
}

function withoutText(value: unknown, text: string): unknown {
  if (typeof value === 'string') return value.replaceAll(text, '[erased]')
  if (Array.isArray(value)) return value.map((entry) => withoutText(entry, text))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, withoutText(part, text)]))
}

function hasEnded({ status }: RunState): boolean {
  return status === 'completed' || status === 'failed'
}
