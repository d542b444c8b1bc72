import type { RunDetails, RunRecord } from 'sora-pipeline'
import { duration } from '../printable.js'

const WORKERS = { generate: 'generator', publish: 'publisher', resolve: 'resolver', upload: 'uploader' } as const

const UNKNOWN_JOB: ReadonlySet<unknown> = new Set([404, 410])

/** Why a run waits, or how it ended, in one sentence. */
export function reasonOf(record: RunRecord, now: number): string {
  const gone = goneInputOf(record)
  return gone === undefined ? endOf(record, now) : `${endOf(record, now)} (${gone})`
}

/** Why the request of a run cannot be shown; `undefined` for a run that has it. */
export function goneInputOf({ erasedAt, isRetained }: RunRecord): string | undefined {
  if (erasedAt !== undefined) return 'its input was erased'
  return isRetained ? 'the store forgot it except for the outcome' : undefined
}

/** What may have happened in a stage whose process ended. */
export function interruptionText({ isInterrupted, stage }: RunDetails): string | undefined {
  if (!isInterrupted) return undefined
  if (stage === 'publish') {
    return 'its process ended while it published: a post may exist, and the run publishes again when it continues'
  }
  return stage === 'upload' ? 'its process ended while it uploaded: the run uploads again when it continues' : undefined
}

function endOf(record: RunRecord, now: number): string {
  const { status, error, wakeAt, isAttended, stage, progress, result } = record
  switch (status) {
    case 'needs-review':
      return `a person: ${error?.message ?? 'it is not known whether a job was paid'}`
    case 'completed':
      return result?.isDegraded
        ? `served by the ${result.servedBy}, degraded`
        : `served by the ${result?.servedBy ?? 'store'}`
    case 'failed':
    case 'unreadable':
      return error?.message ?? 'no reason is stored'
    case 'running': {
      if (progress?.phase === 'waiting') return 'a free place: maxConcurrentRuns is reached'
      const next = wakeAt > now ? `next step in ${duration(wakeAt - now)}` : `due for ${duration(now - wakeAt)}`
      if (!isAttended) return `a process: no live worker holds it, ${next}`
      const ratio = progress?.ratio === undefined ? '' : ` at ${Math.floor(progress.ratio * 100)} %`
      return `the ${WORKERS[stage ?? 'generate']}${ratio}: ${next}`
    }
  }
}

/** A record for JSON output: media given as a data URL is replaced by its type and length. */
export function withoutMedia<R extends RunRecord>(record: R): R {
  const request = Object.fromEntries(Object.entries(record.request).map(([field, value]) => [field, shortMedia(value)]))
  return { ...record, request } as unknown as R
}

function shortMedia(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shortMedia)
  if (typeof value !== 'string' || !value.startsWith('data:')) return value
  const [head = '', data = ''] = value.split(',', 2)
  const mediaType = head.slice('data:'.length).split(';')[0]
  const byteLength = head.endsWith(';base64') ? Math.floor((data.replace(/=+$/, '').length * 3) / 4) : data.length
  return { mediaType, byteLength }
}

/** Whether a run failed because the generator does not know its job, such as after a verdict with a wrong id. */
export function isRefuted({ status, submission, error }: RunDetails): boolean {
  if (status !== 'failed' || submission?.handle === undefined || error?.code !== 'upstream-http') return false
  return UNKNOWN_JOB.has(Object(error).status)
}

/** The state of the latest submission in words. */
export function submissionText(run: RunDetails): string | undefined {
  const { submission, status } = run
  switch (submission?.state) {
    case 'ready':
      return submission.sentAt === undefined ? 'not sent' : 'not accepted, and not sent again yet'
    case 'sending':
      if (status === 'running') return 'being sent, no answer is saved yet'
      return isLastRefused(run) ? 'refused: nothing was accepted' : 'sent, and no answer shows whether it was accepted'
    case 'unknown':
      return 'sent, and not known to be accepted'
    case 'accepted':
      return isRefuted(run)
        ? 'settled or accepted with a job that the generator does not know'
        : 'accepted: the generator has the job'
    case undefined:
      return undefined
  }
}

// The state of a submission that was refused stays `sending`.
function isLastRefused({ isRefused, status, upstream }: RunDetails): boolean {
  return isRefused === true || (status === 'failed' && upstream === undefined)
}

/** What is known to be paid for a run. */
export function paymentOf(run: RunDetails): string {
  const { submission, failedJobs, isRefused } = run
  if (isRefused) return 'nothing: every submission was refused'
  if (submission === undefined) return 'not known: the store kept only the outcome'
  const others = submission.number - 1 - failedJobs.length
  const failed = failedJobs.length > 0 ? `; before it a job was accepted, and failed, at ${failedJobs.join(', ')}` : ''
  const earlier = `${failed}${others > 0 ? `; the attempts show how ${others} other submissions ended` : ''}`
  const sent =
    submission.sendCount > 1
      ? `submission ${submission.number} was sent ${submission.sendCount} times, and up to ${submission.sendCount} jobs`
      : `submission ${submission.number} was sent, and one job`
  switch (submission.state) {
    case 'ready':
      return submission.number === 1
        ? 'nothing: no submission was sent'
        : `nothing by submission ${submission.number}${earlier}`
    case 'accepted':
      return isRefuted(run)
        ? `not known: the generator does not know the job of submission ${submission.number}${earlier}`
        : `one job: submission ${submission.number} was accepted${earlier}`
    case 'unknown':
      return `not known: ${sent} may have been accepted${earlier}`
    case 'sending':
      return isLastRefused(run)
        ? `nothing by submission ${submission.number}, which was refused${earlier}`
        : `not known: ${sent} may have been accepted, no answer shows it${earlier}`
  }
}

/** A value of a request on one line, cut at 200 characters. */
export function valueText(value: unknown): string {
  const short = shortMedia(value)
  const { mediaType, byteLength } = Object(short) as { readonly mediaType?: string; readonly byteLength?: number }
  if (mediaType !== undefined && byteLength !== undefined) return `${mediaType}, ${byteLength} bytes`
  const text = typeof short === 'string' ? short : JSON.stringify(short)
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
