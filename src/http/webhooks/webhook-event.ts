import * as z from 'zod/mini'
import type { JsonObject } from '../../contracts/json.js'

/** The content of a webhook. It reports an event, not a result: fetch the video for its state. */
export interface WebhookEvent {
  /**
   * The header `webhook-id`, such as `evt_0f8b…`. An event may be delivered several times and out of order: keep the
   * ids.
   */
  readonly id: string
  /** Open: unknown types are passed through. */
  readonly type: 'video.completed' | 'video.failed' | (string & {})
  /** Epoch milliseconds. */
  readonly createdAt: number
  /** `id` is that of the video, such as `video_0f8b…`. */
  readonly data: { readonly id: string } & JsonObject
}

const BODY = z.object({
  type: z.string().check(z.minLength(1)),
  created_at: z.optional(z.number().check(z.nonnegative())),
  data: z.looseObject({ id: z.string().check(z.minLength(1)) }),
})

/**
 * Reads the body of a webhook,
 * `{"id":"evt_…","object":"event","created_at":1790000000,"type":"video.completed","data":{"id":"video_…"}}`;
 * `undefined` if it is not an event.
 * @param headers - `timestamp` in Unix seconds replaces a missing `created_at`.
 */
export function readWebhookEvent(
  body: Uint8Array,
  headers: { readonly id: string; readonly timestamp: string },
): WebhookEvent | undefined {
  const { success, data: event } = BODY.safeParse(jsonOf(body))
  if (!success) return undefined
  const { type, created_at: createdAt = Number(headers.timestamp), data } = event
  return { id: headers.id, type, createdAt: createdAt * 1_000, data: data as WebhookEvent['data'] }
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return undefined // Neither text nor JSON is an event.
  }
}
