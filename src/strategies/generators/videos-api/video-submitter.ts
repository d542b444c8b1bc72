import { InvalidRequestError } from '../../../contracts/input-errors.js'
import type { SubmitContext } from '../../../contracts/stage.js'
import type { Api, ApiAnswer } from '../../../upstream/api.js'
import { NO_GATEWAY_RETRIES } from '../../../upstream/gateway-retries.js'
import { isAcceptance } from '../task-api/started-job.js'
import { SERVER_ERRORS } from '../task-api/task-submitter.js'
import { createBody } from './create-body.js'
import type { CreatePlan } from './create-plan.js'
import type { Encoding } from './dialect.js'
import { isEncodingRefusal, withAddressAdvice } from './encoding-refusal.js'
import type { CheckedVideosApiOptions } from './videos-api-options.js'

/** Sends a planned submission, and remembers which encodings the server accepted. */
export interface VideoSubmitter {
  /**
   * Sends exactly one request, and another one only after the encoding of the first was refused. An abort rejects at
   * once; the upstream may have accepted the job by then and continue it, at its price.
   */
  submit(plan: CreatePlan, context: SubmitContext): Promise<ApiAnswer>
}

/** Creates a submitter for one API. */
export function createVideoSubmitter(api: Api, options: CheckedVideosApiOptions): VideoSubmitter {
  const accepted = new Map<'file' | 'plain', Encoding>()

  async function send(plan: CreatePlan, encoding: Encoding, context: SubmitContext): Promise<ApiAnswer> {
    const isRefused = options.serverErrors === 'refused'
    return api.call({
      what: 'submit the video',
      method: 'POST',
      url: api.address(plan.path),
      ...createBody(plan, encoding),
      headers: { 'idempotency-key': context.idempotencyKey, ...NO_GATEWAY_RETRIES },
      timeoutMs: options.createTimeoutMs,
      signal: context.signal,
      confirm: context.confirm,
      // Servers repeat the body in messages about it.
      ...(context.callbackUrl !== undefined && { secrets: [context.callbackUrl] }),
      maxBytes: options.maxAnswerBytes,
      isAnswer: isAcceptance,
      isRefusal: (status) => (isRefused && SERVER_ERRORS.has(status) ? true : undefined),
    })
  }

  return {
    async submit(plan, context) {
      const kind = plan.image?.kind === 'file' || plan.video !== undefined ? 'file' : 'plain'
      const [first, second] = encodingsFor(
        plan,
        options.encoding,
        accepted.get(kind) ?? (kind === 'file' ? 'multipart' : 'json'),
      )
      try {
        const answer = await send(plan, first, context)
        accepted.set(kind, first)
        return answer
      } catch (error) {
        if (context.signal.aborted || !isEncodingRefusal(error)) throw error
        if (second === undefined)
          throw isAddress(plan) && options.encoding === 'auto' ? withAddressAdvice(error) : error
        const answer = await send(plan, second, context).catch((other: unknown) => {
          // If the server refuses both, its first complaint is about the more likely encoding.
          throw isEncodingRefusal(other) ? error : other
        })
        accepted.set(kind, second)
        return answer
      }
    },
  }
}

function encodingsFor(
  { video, image, only, dialect }: CreatePlan,
  wanted: 'auto' | Encoding,
  preferred: Encoding,
): readonly [Encoding, Encoding | undefined] {
  if (video !== undefined && wanted === 'json') {
    const fix = 'let the encoding be auto or multipart: a video cannot be sent as JSON'
    throw new InvalidRequestError([{ field: 'video', value: 'an object', fix }])
  }
  if (video !== undefined) return ['multipart', undefined]
  if (only !== undefined && wanted !== 'auto' && wanted !== only) {
    const fix = `let the encoding be auto or ${only}: the server reads lastFrame and references only there`
    throw new InvalidRequestError([{ field: 'lastFrame or references', value: 'given', fix }])
  }
  if (only !== undefined) return [only, undefined]
  if (wanted !== 'auto') return [wanted, undefined]
  if (dialect.encoding !== 'auto') return [dialect.encoding, undefined]
  // An address in another form may be ignored, and the video paid without its image.
  if (image?.kind === 'url' && dialect.readsAddressInForm !== true) return ['json', undefined]
  return [preferred, preferred === 'json' ? 'multipart' : 'json']
}

// Of the image, or of further images, which are sent as addresses and data URLs in JSON alone.
function isAddress({ image, only }: CreatePlan): boolean {
  return image?.kind === 'url' && only === undefined
}
