import type { SoraPipelineErrorJson } from '../../contracts/errors.js'

/** A webhook to be sent. */
export interface OutgoingWebhook {
  readonly type: 'video.completed' | 'video.failed'
  /** `id` is that of the video. */
  readonly data: { readonly id: string }
  /**
   * At most 200 letters, digits, `_` and `-`. Receivers treat two webhooks with one id as the same, so a webhook that
   * is sent again after a restart keeps its id.
   * @defaultValue `evt_` and a random one
   */
  readonly id?: string | undefined
  /** Epoch milliseconds. @defaultValue now */
  readonly createdAt?: number | undefined
}

/** One attempt to deliver a webhook. */
export interface WebhookAttempt {
  /** Epoch milliseconds. */
  readonly at: number
  readonly durationMs: number
  /** HTTP status; absent when no answer came. */
  readonly status?: number
  /** The reason of a failure; absent after a 2xx. It contains only the host of the address. */
  readonly error?: SoraPipelineErrorJson
}

/** The outcome of a webhook. */
export interface WebhookDelivery {
  /** The header `webhook-id`. */
  readonly id: string
  /** Host and port of the receiver; the rest of the address may be a secret. Empty for an invalid URL. */
  readonly host: string
  /**
   * `delivered`: a 2xx. `gone`: a 410, so the receiver wants no more webhooks. `refused`: the address or the webhook
   * is invalid, or the address is not allowed. `exhausted`: every attempt failed. `stopped`: by the signal.
   */
  readonly outcome: 'delivered' | 'gone' | 'refused' | 'exhausted' | 'stopped'
  /** In order. */
  readonly attempts: readonly WebhookAttempt[]
  /** The reason why it was not delivered; absent for `delivered`, and for `stopped` before an attempt failed. */
  readonly error?: SoraPipelineErrorJson
}
