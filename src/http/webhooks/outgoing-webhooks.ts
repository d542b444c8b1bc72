import { createHash } from 'node:crypto'
import { isSoraPipelineError } from '../../contracts/errors.js'
import { InvalidRequestError } from '../../contracts/input-errors.js'
import { RecordedError } from '../../contracts/recorded-error.js'
import type { PipelineRun } from '../../pipeline/pipeline-run.js'
import { memoryNotes } from '../../stores/memory-notes.js'
import { systemClock } from '../../timing/system-clock.js'
import type { HandlerOptions } from '../handler-options.js'
import type { SharedStore } from '../machines/shared-notes.js'
import { isServed } from '../routes/video-object.js'
import type { VideoRunner } from '../video-runner.js'
import { ABANDONED, abandonedNote } from './abandoned-webhooks.js'
import { checkWebhookUrl } from './check-webhook-url.js'
import {
  ATTEMPT_LEASE_MS,
  DROPPED,
  endedNote,
  type KeptWebhook,
  leasedAttempts,
  WAITING_MS,
  WEBHOOKS,
  type WebhookTarget,
  webhookIn,
  webhookNote,
} from './kept-webhook.js'
import { sweepWebhooks } from './sweep-webhooks.js'
import { type SendWebhook, webhookSending } from './webhook-sender.js'

/** Notifies callers of the end of their videos. */
export interface OutgoingWebhooks {
  /**
   * @throws InvalidRequestError for an address that is not allowed, and if webhooks are disabled.
   * @throws ConfigurationError when the owner has no usable secret.
   */
  check(to: WebhookTarget): void
  /** Saves that a run has a webhook, before it is created. Resolves to `false` if that is known. */
  keep(runId: string, to: WebhookTarget): Promise<boolean>
  /** Takes back what `keep` saved, for a request that was refused. */
  drop(runId: string): Promise<void>
  /** Sends `video.completed` or `video.failed` when a run ends, once for each run, however often it is called. */
  follow(run: PipelineRun, to: WebhookTarget): void
}

type EndType = 'video.completed' | 'video.failed'

/**
 * Creates the webhooks of a handler. A webhook is kept in the store until it was delivered or given up: any process that shares the
 * store sends it, one at a time, and takes over when another one dies. Without such a store it is kept in memory.
 */
export function outgoingWebhooks(
  runner: VideoRunner,
  options: HandlerOptions,
  { shared, onError }: { readonly shared: SharedStore | undefined; readonly onError: (error: unknown) => void },
): OutgoingWebhooks {
  const { webhookSecret, webhookAllowPrivateAddresses: allowPrivateAddresses, clock = systemClock } = options
  const notes = shared?.notes ?? memoryNotes(clock)
  const signal = shared?.closing
  const followed = new Set<string>()
  const senders = new Map<string, SendWebhook>()

  const senderOf = (owner: string): SendWebhook => {
    const secret = typeof webhookSecret === 'function' ? webhookSecret(owner) : (webhookSecret ?? '')
    const known = senders.get(secret) ?? webhookSending({ secret, allowPrivateAddresses, clock: options.clock })
    senders.set(secret, known)
    return known
  }

  const send = async (runId: string, webhook: KeptWebhook, claimed: number) => {
    const { url, owner, type = 'video.failed', createdAt } = webhook
    let version = claimed
    const save = async (note: Parameters<typeof notes.saveNote>[3]) => {
      const saved = await notes.saveNote(WEBHOOKS, runId, version, note)
      version = saved ?? version
      return saved !== undefined
    }
    const id = eventId(runId, type)
    const attempts = leasedAttempts(webhook, save)
    const delivery = await senderOf(owner)(url, { id, type, createdAt, data: { id: runId } }, { signal, ...attempts })
    const { outcome, error } = delivery
    if (outcome === 'stopped') return
    const made = { ...webhook, attempts: webhook.attempts - 1 + delivery.attempts.length }
    if (outcome !== 'delivered') {
      const given = abandonedNote({ runId, owner, delivery, attempts: made.attempts, at: clock.now() })
      await notes.saveNote(ABANDONED, runId, 0, given)
      if (error) onError(new RecordedError(error))
    }
    await save(endedNote(made))
  }

  // Claims the webhook of a run that has ended, unless another process has.
  const claim = async (runId: string, type: EndType, { to, createdAt }: { to: WebhookTarget; createdAt: number }) => {
    for (;;) {
      const saved = await notes.readNote(WEBHOOKS, runId)
      if (saved !== undefined && webhookIn(saved).state !== 'waiting') return
      const { url, owner } = to
      const webhook: KeptWebhook = { url, owner, state: 'sending', attempts: 1, type, createdAt }
      const note = webhookNote(webhook, ATTEMPT_LEASE_MS)
      const version = await notes.saveNote(WEBHOOKS, runId, saved?.version ?? 0, note)
      if (version !== undefined) return send(runId, webhook, version)
    }
  }

  const notify = async (run: PipelineRun, to: WebhookTarget) => {
    const type = await endOf(run)
    if (type !== undefined) await claim(run.id, type, { to, createdAt: clock.now() })
  }

  const follow = (run: PipelineRun, to: WebhookTarget) => {
    if (webhookSecret === undefined || followed.has(run.id)) return
    followed.add(run.id)
    notify(run, to)
      .catch(onError)
      .finally(() => followed.delete(run.id))
  }

  const takeOver = async (runId: string) => {
    const saved = await notes.readNote(WEBHOOKS, runId)
    if (saved === undefined) return
    const webhook = webhookIn(saved)
    const replace = (note: Parameters<typeof notes.saveNote>[3]) => notes.saveNote(WEBHOOKS, runId, saved.version, note)
    if (webhook.state === 'ended') return void (await replace(DROPPED))
    if (webhook.state === 'sending') {
      const next = { ...webhook, attempts: webhook.attempts + 1 }
      const version = await replace(webhookNote(next, ATTEMPT_LEASE_MS))
      return version === undefined ? undefined : send(runId, next, version)
    }
    const isOwn = followed.has(runId)
    const record = isOwn ? undefined : await runner.get(runId)
    // Its process died before it created the run; or the run was removed.
    if (!isOwn && record === undefined) return void (await replace(DROPPED))
    if (record === undefined || record.status === 'running') {
      const isClaimed = (await replace(webhookNote(webhook, WAITING_MS))) !== undefined
      if (isClaimed && record?.isAttended === false) follow(runner.resume(runId), webhook)
      return
    }
    const type = isServed(record) ? 'video.completed' : 'video.failed'
    await claim(runId, type, { to: webhook, createdAt: record.endedAt ?? clock.now() })
  }

  if (webhookSecret !== undefined && shared !== undefined) sweepWebhooks(shared, { takeOver, onError, clock })

  return {
    check({ url, owner }) {
      if (webhookSecret === undefined) {
        const fix = 'leave it out: this server sends no webhooks'
        throw new InvalidRequestError([{ field: 'webhook_url', value: 'an address', fix }])
      }
      checkWebhookUrl(url, { allowPrivateAddresses })
      senderOf(owner)
    },
    async keep(runId, { url, owner }) {
      const note = webhookNote({ url, owner, state: 'waiting', attempts: 0 }, WAITING_MS)
      return (await notes.saveNote(WEBHOOKS, runId, 0, note)) !== undefined
    },
    async drop(runId) {
      const saved = await notes.readNote(WEBHOOKS, runId)
      if (saved && webhookIn(saved).state === 'waiting') await notes.saveNote(WEBHOOKS, runId, saved.version, DROPPED)
    },
    follow,
  }
}

// The same for every attempt at every process.
function eventId(runId: string, type: EndType): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([runId, type]))
    .digest('hex')
  return `evt_${digest.slice(0, 32)}`
}

async function endOf(run: PipelineRun): Promise<EndType | undefined> {
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
