import { type OptionRules, problemsOfOptions } from '../../contracts/check-options.js'
import { describeValue, type SoraPipelineErrorJson } from '../../contracts/errors.js'
import { ConfigurationError, InvalidRequestError } from '../../contracts/input-errors.js'
import type { JsonObject } from '../../contracts/json.js'
import { number, rule } from '../../contracts/option-rules.js'
import type { RunStore } from '../../contracts/run-store.js'
import type { StoredNote } from '../../contracts/stored-note.js'
import { hasNotes } from '../machines/shared-notes.js'
import type { WebhookDelivery } from './webhook-delivery.js'

/** A webhook that was given up: `video.completed` or `video.failed` of a run did not reach its receiver. */
export interface AbandonedWebhook {
  /** Id of the video. */
  readonly runId: string
  /** Owner of the video. */
  readonly owner: string
  /** The header `webhook-id` of every attempt. */
  readonly webhookId: string
  /** Host and port of the receiver; the rest of the address may be a secret. */
  readonly host: string
  /**
   * `exhausted`: every attempt failed. `gone`: the receiver answered 410. `refused`: the address is not allowed. Open: a later version
   * may have more.
   */
  readonly outcome: 'exhausted' | 'gone' | 'refused' | (string & {})
  /** Attempts of all processes. */
  readonly attempts: number
  /** When it was given up, in epoch milliseconds. */
  readonly abandonedAt: number
  /** The reason of the last failure. */
  readonly error?: SoraPipelineErrorJson | undefined
}

/** Which webhooks {@link abandonedWebhooks} returns. */
export interface AbandonedQuery {
  /**
   * Maximum number, a whole number from 1 to 1000. Further webhooks are on the next page, which starts after the last `runId` of this one.
   * @defaultValue `100`
   */
  readonly limit?: number | undefined
  /** `runId` of the webhook after which to continue. @defaultValue from the oldest on */
  readonly after?: string | undefined
}

/** The namespace of webhooks that were given up, by run. */
export const ABANDONED = 'abandoned-webhooks'

const KEPT_MS = 30 * 86_400_000

const QUERY: OptionRules<AbandonedQuery> = {
  limit: number(
    (value) => Number.isSafeInteger(value) && value >= 1 && value <= 1000,
    'give a whole number from 1 to 1000',
  ),
  after: rule((value) => typeof value === 'string' && value !== '', 'give the runId of a webhook'),
}

/**
 * Lists the webhooks that handlers over a store gave up, the oldest first, for 30 days: of any process, also one that no longer runs.
 * The video itself is not affected: `GET /v1/videos/{id}` has its state.
 *
 * @param store - The store of the pipelines: `postgresStore`, `redisStore`, `sqliteStore`, `fileStore`, or a `memoryStore` that was
 * passed to the pipeline.
 * @throws ConfigurationError when the store keeps no notes. InvalidRequestError naming every problem of the query. RunStateError when
 * the store is down.
 *
 * @example
 * ```ts
 * import { abandonedWebhooks } from 'sora-pipeline/http'
 * import { sqliteStore } from 'sora-pipeline/stores'
 *
 * const store = sqliteStore({ path: './runs.sqlite' })
 * for (const { runId, host, attempts, error } of await abandonedWebhooks(store)) {
 *   console.log(runId, host, attempts, error?.message)
 * }
 * ```
 */
export async function abandonedWebhooks(
  store: RunStore,
  query: AbandonedQuery = {},
): Promise<readonly AbandonedWebhook[]> {
  if (Object(store) !== store || !hasNotes(store)) {
    const fix = 'give a store with readNote, saveNote and dueNotes, such as postgresStore'
    throw new ConfigurationError('abandonedWebhooks', [{ field: 'store', value: describeValue(store), fix }])
  }
  const problems = problemsOfOptions('query', query, QUERY, '')
  if (problems.length > 0) throw new InvalidRequestError(problems)
  const ids = await store.dueNotes(ABANDONED, query.limit ?? 100, query.after)
  const notes = await Promise.all(ids.map((id) => store.readNote(ABANDONED, id)))
  return notes.flatMap((note) => (note === undefined ? [] : [note.value as unknown as AbandonedWebhook]))
}

/** A webhook that was given up, as a note. */
export function abandonedNote({
  runId,
  owner,
  delivery,
  attempts,
  at,
}: {
  readonly runId: string
  readonly owner: string
  readonly delivery: WebhookDelivery
  readonly attempts: number
  readonly at: number
}): StoredNote {
  const { id: webhookId, host, outcome, error } = delivery
  const abandoned = { runId, owner, webhookId, host, outcome, attempts, abandonedAt: at, ...(error && { error }) }
  return { value: abandoned as unknown as JsonObject, dueInMs: 0, expiresInMs: KEPT_MS }
}
