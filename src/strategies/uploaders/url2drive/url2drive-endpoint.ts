import * as z from 'zod/mini'
import { isSoraPipelineError } from '../../../contracts/errors.js'
import type { JsonValue } from '../../../contracts/json.js'
import type { StageContext } from '../../../contracts/stage.js'
import { NetworkError, UpstreamHttpError, UpstreamResponseError } from '../../../contracts/upstream-errors.js'
import { retryAfterMsOf } from '../../../timing/retry.js'
import type { Api, ApiCall } from '../../../upstream/api.js'
import { readJsonAnswer } from '../../../upstream/json-answer.js'
import { hostOf } from '../../../upstream/network-failure.js'
import { requestIdFrom } from '../../../upstream/request-id.js'

/** A url2drive Space, and the run of the upload. */
export interface Url2driveSpace {
  readonly api: Api
  /** Without a slash. */
  readonly apiName: string
  readonly timeoutMs: number
  readonly wakeTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly uploadTimeoutMs: number
  readonly context: StageContext
  /** Secrets that are sent to the Space and that it may echo. */
  readonly secrets: readonly string[]
}

/** The address of the function of a Space, and its inputs. */
export interface Url2driveEndpoint {
  /** Empty up to Gradio 4, `/gradio_api` from 5 on. */
  readonly prefix: string
  /** The default of each input, in order. */
  readonly defaults: readonly JsonValue[]
}

const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 10_000

const configSchema = z.looseObject({ api_prefix: z.optional(z.nullable(z.string().check(z.regex(/^(\/[\w-]+)*$/)))) })
// Other functions of a Space may have any shape.
const infoSchemaOf = (apiName: string) =>
  z.looseObject({
    named_endpoints: z.looseObject({
      [`/${apiName}`]: z.optional(
        z.looseObject({ parameters: z.array(z.looseObject({ parameter_default: z.optional(z.json()) })) }),
      ),
    }),
  })

/**
 * Reads from a Space the address and the inputs of its function. A Space that sleeps or is being built answers with
 * pages and server errors, or not in time: the request is retried, with a phase `waking`, until `wakeTimeoutMs` have
 * passed.
 *
 * @param failedPrefix - A prefix without the function, despite the Space's answer; the other prefix is tried first.
 * @throws UpstreamResponseError when the Space has no such function, not retryable, or when it still answers with pages.
 * @throws OverloadedError, UpstreamHttpError or NetworkError when the Space did not wake up in time.
 */
export async function findUrl2driveEndpoint(space: Url2driveSpace, failedPrefix?: string): Promise<Url2driveEndpoint> {
  return whenAwake(space, async () => {
    const { api_prefix } = readJsonAnswer(await api(space, '/config', readConfigError), configSchema)
    const prefix = failedPrefix === undefined ? (api_prefix ?? '') : otherPrefix(failedPrefix)
    try {
      return await readEndpoint(space, prefix)
    } catch (error) {
      if (!isMissing(error)) throw error
      return readEndpoint(space, otherPrefix(prefix))
    }
  })
}

/** Whether an address does not exist at a Space. */
export function isMissing(error: unknown): boolean {
  return error instanceof UpstreamHttpError && error.status === 404
}

async function readEndpoint(space: Url2driveSpace, prefix: string): Promise<Url2driveEndpoint> {
  const { apiName } = space
  const answer = await api(space, `${prefix}/info`)
  const endpoint = readJsonAnswer(answer, infoSchemaOf(apiName)).named_endpoints[`/${apiName}`]
  const inputs = endpoint?.parameters.length ?? 0
  if (endpoint !== undefined && inputs >= 2) {
    const defaults = endpoint.parameters.map(({ parameter_default }) => parameter_default ?? null)
    return { prefix, defaults }
  }
  const problem =
    endpoint === undefined ? 'has no such function' : `has one that takes ${inputs} inputs instead of 2 or 3`
  throw new UpstreamResponseError(`Could not find the function ${apiName}: ${hostOf(answer.url)} ${problem}`, {
    url: answer.mask(answer.url),
    isRetryable: false,
  })
}

function api(space: Url2driveSpace, path: string, readError?: ApiCall['readError']) {
  const { api, context, timeoutMs, secrets } = space
  const what = `read ${path} of the Space`
  return api.call({
    what,
    method: 'GET',
    url: api.address(path),
    timeoutMs,
    signal: context.signal,
    secrets,
    readError,
  })
}

// Hugging Face answers so for a Space that does not exist, and for a private one without its token.
function readConfigError({ what, url, status, headers, mask }: Parameters<NonNullable<ApiCall['readError']>>[0]) {
  if (status !== 404) return undefined
  const reason = 'it does not exist, or it is private and the token is missing or wrong'
  return new UpstreamHttpError(`Could not ${what}: ${hostOf(url)} answered 404, ${reason}`, {
    status,
    url: mask(url),
    requestId: requestIdFrom(headers, mask),
  })
}

async function whenAwake<T>({ context, wakeTimeoutMs }: Url2driveSpace, ask: () => Promise<T>): Promise<T> {
  const { clock, signal } = context
  const end = clock.monotonic() + wakeTimeoutMs
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    try {
      return await ask()
    } catch (error) {
      const leftMs = end - clock.monotonic()
      if (signal.aborted || leftMs <= 0 || !mayBeAsleep(error)) throw error
      context.report({ phase: 'waking' })
      await clock.sleep(Math.min(Math.max(waitMs, retryAfterMsOf(error) ?? 0), leftMs), { signal })
    }
  }
}

// A server that cannot be reached does not sleep: the next uploader need not wait for it.
function mayBeAsleep(error: unknown): boolean {
  if (!isSoraPipelineError(error) || !error.isRetryable || error.code === 'rate-limited') return false
  return !(error instanceof NetworkError && error.isRefusal)
}

function otherPrefix(prefix: string): string {
  return prefix === '' ? '/gradio_api' : ''
}
