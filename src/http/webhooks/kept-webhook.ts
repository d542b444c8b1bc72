import type { SavedNote, StoredNote } from '../../contracts/stored-note.js'
import type { SendingOptions } from './webhook-sender.js'

/** Where a webhook goes, and for whom it is. */
export interface WebhookTarget {
  readonly url: string
  readonly owner: string
}

/** The webhook of a run, as processes share it. */
export interface KeptWebhook extends WebhookTarget {
  /** `waiting` for the end of the run; `sending`, which one process does at a time; `ended`, whatever the outcome. */
  readonly state: 'waiting' | 'sending' | 'ended'
  /** Attempts that were begun, by any process. */
  readonly attempts: number
  readonly type?: 'video.completed' | 'video.failed'
  /** When the run ended, in epoch milliseconds. */
  readonly createdAt?: number
}

/** The namespace of webhooks, by run. */
export const WEBHOOKS = 'webhooks'

/** How long a process has a webhook to itself, in milliseconds: longer than an attempt. */
export const ATTEMPT_LEASE_MS = 20_000
/** After how many milliseconds the run of a waiting webhook is read. */
export const WAITING_MS = 30_000
// Longer than any run takes, and all attempts.
const KEPT_MS = 30 * 86_400_000
// A request may come again with its key.
const ENDED_MS = 86_400_000

/** The webhook in a note. */
export function webhookIn({ value }: SavedNote): KeptWebhook {
  return value as unknown as KeptWebhook
}

/** A webhook that another process takes over after `dueInMs`. */
export function webhookNote(webhook: KeptWebhook, dueInMs: number): StoredNote {
  return { value: { ...webhook }, dueInMs: Math.round(dueInMs), expiresInMs: KEPT_MS }
}

/** What stays of a webhook that is not sent any more: that it was. */
export function endedNote({ url, owner, attempts }: KeptWebhook): StoredNote {
  return { value: { url, owner, attempts, state: 'ended' }, dueInMs: ENDED_MS, expiresInMs: ENDED_MS }
}

/** Nothing: the webhook was never wanted. */
export const DROPPED: StoredNote = { value: {}, dueInMs: 0, expiresInMs: 0 }

/**
 * Saves each attempt of a webhook, so that another process takes over after the lease of one that died.
 * @param webhook - As it was claimed for its next attempt.
 */
export function leasedAttempts(
  webhook: KeptWebhook,
  save: (note: StoredNote) => Promise<boolean>,
): Pick<SendingOptions, 'before' | 'after' | 'made'> {
  const claimed = webhook.attempts
  return {
    made: claimed - 1,
    before: async (attempts) => attempts === claimed || save(webhookNote({ ...webhook, attempts }, ATTEMPT_LEASE_MS)),
    after: (attempts, waitMs) => save(webhookNote({ ...webhook, attempts }, waitMs + ATTEMPT_LEASE_MS)),
  }
}
