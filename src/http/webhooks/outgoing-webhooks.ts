import { createHash } from 'node:crypto'
import { isSoraPipelineError } from '../../contracts/errors.js'
import { InvalidRequestError } from '../../contracts/input-errors.js'
import { RecordedError } from '../../contracts/recorded-error.js'
import type { PipelineRun } from '../../pipeline/pipeline-run.js'
import type { HandlerOptions } from '../handler-options.js'
import { checkWebhookUrl } from './check-webhook-url.js'
import { createWebhookSender, type WebhookSender } from './webhook-sender.js'

/** Tells callers of the end of their videos. */
export interface OutgoingWebhooks {
  /**
   * @throws InvalidRequestError for an address that nothing can be sent to, and where webhooks are switched off.
   * @throws ConfigurationError when there is no secret for the owner that can sign.
   */
  check(to: { readonly url: string; readonly owner: string }): void
  /** Sends `video.completed` or `video.failed` when a run ends; once for each run, however often it is asked for. */
  follow(run: PipelineRun, to: { readonly url: string; readonly owner: string }): void
}

/** Makes the webhooks of a handler. What waits to be sent is kept in memory: a webhook wakes, the truth is the video. */
export function outgoingWebhooks(options: HandlerOptions, onError: (error: unknown) => void): OutgoingWebhooks {
  const { webhookSecret, webhookAllowPrivateAddresses: allowPrivateAddresses, clock } = options
  const followed = new Set<string>()
  const senders = new Map<string, WebhookSender>()

  const senderOf = (owner: string): WebhookSender => {
    const secret = typeof webhookSecret === 'function' ? webhookSecret(owner) : (webhookSecret ?? '')
    const known = senders.get(secret) ?? createWebhookSender({ secret, allowPrivateAddresses, clock })
    senders.set(secret, known)
    return known
  }

  const tell = async (run: PipelineRun, url: string, owner: string) => {
    const type = await endOf(run)
    if (type === undefined) return
    const id = `evt_${createHash('sha256')
      .update(JSON.stringify([run.id, type]))
      .digest('hex')
      .slice(0, 32)}`
    const delivery = await senderOf(owner).send(url, { id, type, data: { id: run.id } })
    if (delivery.outcome !== 'delivered' && delivery.error) onError(new RecordedError(delivery.error))
  }

  return {
    check({ url, owner }) {
      if (webhookSecret === undefined) {
        const fix = 'leave it out: this server sends no webhooks'
        throw new InvalidRequestError([{ field: 'webhook_url', value: 'an address', fix }])
      }
      checkWebhookUrl(url, { allowPrivateAddresses })
      senderOf(owner)
    },
    follow(run, { url, owner }) {
      if (webhookSecret === undefined || followed.has(run.id)) return
      followed.add(run.id)
      tell(run, url, owner)
        .catch(onError)
        .finally(() => followed.delete(run.id))
    },
  }
}

async function endOf(run: PipelineRun): Promise<'video.completed' | 'video.failed' | undefined> {
  try {
    await run.result
    return 'video.completed'
  } catch (error) {
    if (!isSoraPipelineError(error)) return 'video.failed'
    // What the store could not do is no verdict on the video; one behind a key is given out by this server.
    if (error.code.startsWith('run-')) return undefined
    return error.code === 'no-usable-url' ? 'video.completed' : 'video.failed'
  }
}
