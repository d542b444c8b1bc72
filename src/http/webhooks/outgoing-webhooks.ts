import { createHash } from 'node:crypto'
import { isSoraPipelineError } from '../../contracts/errors.js'
import { InvalidRequestError } from '../../contracts/input-errors.js'
import { RecordedError } from '../../contracts/recorded-error.js'
import type { PipelineRun } from '../../pipeline/pipeline-run.js'
import type { HandlerOptions } from '../handler-options.js'
import { checkWebhookUrl } from './check-webhook-url.js'
import { createWebhookSender, type WebhookSender } from './webhook-sender.js'

/** Notifies callers of the end of their videos. */
export interface OutgoingWebhooks {
  /**
   * @throws InvalidRequestError for an address that is not allowed, and if webhooks are disabled.
   * @throws ConfigurationError when the owner has no usable secret.
   */
  check(to: { readonly url: string; readonly owner: string }): void
  /** Sends `video.completed` or `video.failed` when a run ends, once for each run, however often it is called. */
  follow(run: PipelineRun, to: { readonly url: string; readonly owner: string }): void
}

/** Creates the webhooks of a handler. Pending webhooks are kept in memory: receivers fetch the video for its state. */
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

  const notify = async (run: PipelineRun, url: string, owner: string) => {
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
      notify(run, url, owner)
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
    // A failure of the store is not a verdict on the video; this server delivers one that needs a key.
    if (error.code.startsWith('run-')) return undefined
    return error.code === 'no-usable-url' ? 'video.completed' : 'video.failed'
  }
}
