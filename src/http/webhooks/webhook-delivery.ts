import type { SoraPipelineErrorJson } from '../../contracts/errors.js'

/** A webhook to be sent. */
export interface OutgoingWebhook {
  readonly type: 'video.completed' | 'video.failed'
  /** `id` is that of the video. */
  readonly data: { readonly id: string }
  /**
   * At most 200 letters, digits, `_` and `-`. Receivers take two webhooks with one id for the same, so a webhook that is sent again
   * after a restart keeps its id.
   * @defaultValue `evt_` and a random one
   */
  readonly id?: string | undefined
  /** Epoch milliseconds. @defaultValue now */
  readonly createdAt?: number | undefined
}

/** One try to deliver a webhook. */
export interface WebhookAttempt {
  /** Epoch milliseconds. */
  readonly at: number
  readonly durationMs: number
  /** HTTP status; absent when no answer came. */
  readonly status?: number
  /** Why it failed; absent after a 2xx. It has no more of the address than its host. */
  readonly error?: SoraPipelineErrorJson
}

/** What became of a webhook. */
export interface WebhookDelivery {
  /** The header `webhook-id`. */
  readonly id: string
  /** Host and port it was sent to: all of the address that may be shown, for the rest may be a secret. Empty for what is no URL. */
  readonly host: string
  /**
   * `delivered`: a 2xx. `gone`: a 410, so this address wants no more. `refused`: the address or the webhook cannot be sent, or leads
   * to where nothing may be sent. `exhausted`: every try failed. `stopped`: by the signal.
   */
  readonly outcome: 'delivered' | 'gone' | 'refused' | 'exhausted' | 'stopped'
  /** In order. */
  readonly attempts: readonly WebhookAttempt[]
  /** Why it was not delivered; absent for `delivered`, and for `stopped` before a try failed. */
  readonly error?: SoraPipelineErrorJson
}
