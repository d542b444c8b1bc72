import { optionProblem } from '../../../contracts/check-options.js'
import { ConfigurationError, type InputProblem } from '../../../contracts/input-errors.js'
import { flawInJson, isJson } from '../../../contracts/is-json.js'
import type { JsonObject, JsonValue } from '../../../contracts/json.js'
import type { Api, ApiCall } from '../../../upstream/api.js'
import { headers as headersRule } from '../../option-rules.js'
import { missingValues } from './missing-values.js'
import { DATA_FIX, operationData } from './operation-data.js'

/** One request to the API, as `create` returns it. */
export interface TaskApiRequest {
  /** Path below `baseUrl`, such as `/tasks`; a query is allowed. */
  readonly path: string
  /** @defaultValue `'POST'` */
  readonly method?: 'POST' | 'PUT' | 'PATCH' | undefined
  /** Headers of this request; a credential belongs into `apiKey` or `headers` of the generator. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** What can be written as JSON, sent as JSON; a `FormData`, sent as `multipart/form-data`. @defaultValue none */
  readonly body?: object | undefined
  /**
   * Small data that later requests about the job need, such as `{ kind: 'image2video' }` where each kind has its own path: an object of
   * JSON with at most 2,000 characters. The handle of the job keeps it, and `path` and `body` of `poll`, `result` and `cancel` get it
   * with the operation. Secrets in it are masked. A larger one throws a `ConfigurationError` before anything is sent.
   * @defaultValue none
   */
  readonly data?: JsonObject | undefined
}

/** A checked request, ready to be sent. */
export type CheckedRequest = Pick<ApiCall, 'url' | 'json' | 'form' | 'headers'> & {
  readonly method: 'POST' | 'PUT' | 'PATCH'
  /** Kept with the job. */
  readonly data: JsonObject
}

const METHODS: readonly unknown[] = ['POST', 'PUT', 'PATCH']
const FIELDS: readonly string[] = ['path', 'method', 'headers', 'body', 'data']
const CREDENTIAL_NAME = /^(?:proxy-)?authorization$|cookie|^x-api-key$|^x-goog-api-key$|^api-key$/i

/**
 * Checks what `create` returned for a request.
 * @throws ConfigurationError naming every field of another shape, and every text that stands for a missing value.
 */
export function checkRequest(api: Api, given: unknown, request: object): CheckedRequest {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new ConfigurationError(api.subject, [optionProblem('create()', given, 'return { path, body }')])
  }
  const { path, method = 'POST', headers, body, data } = given as Partial<Record<keyof TaskApiRequest, unknown>>
  const kept = operationData(data)
  const problems = [
    ...(kept === undefined ? [optionProblem('create().data', data, DATA_FIX)] : []),
    ...Object.keys(given)
      .filter((name) => !FIELDS.includes(name))
      .map((name) => ({ field: `create().${name}`, value: 'unknown', fix: `return ${FIELDS.join(', ')}` })),
    ...(METHODS.includes(method) ? [] : [optionProblem('create().method', method, 'return POST, PUT or PATCH')]),
    ...(headers === undefined ? [] : headersRule.problems('create().headers', headers)),
    ...Object.keys(Object(headers))
      .filter((name) => CREDENTIAL_NAME.test(name))
      .map((name) => ({
        field: `create().headers[${JSON.stringify(name)}]`,
        value: 'a credential',
        fix: 'give it as apiKey or headers of the generator, which keep it out of messages',
      })),
    ...problemsOfBody(body),
  ].filter((problem) => problem !== undefined)
  if (problems.length === 0) problems.push(...missingValues({ path, headers, body }, request))
  const url = problems.length === 0 ? addressOf(api, 'create().path', path) : ''
  if (problems.length > 0) throw new ConfigurationError(api.subject, problems)
  return {
    method: method as CheckedRequest['method'],
    url,
    headers: headers as TaskApiRequest['headers'],
    data: kept ?? {},
    ...(body instanceof FormData ? { form: body } : { json: body as JsonValue | undefined }),
  }
}

function problemsOfBody(body: unknown): readonly InputProblem[] {
  if (body === undefined || body instanceof FormData || (Object(body) === body && isJson(body))) return []
  const { field, value } = flawInJson(body, 'create().body') ?? { field: 'create().body', value: body }
  const fix = field === 'create().body' ? 'return an object of JSON or a FormData' : 'give what JSON can hold'
  return [optionProblem(field, value, fix)]
}

/**
 * The address of a path below the base address, or of a whole address on the API's own origin.
 * @throws ConfigurationError naming the field for anything else: the key is sent to the address.
 */
export function addressOf(api: Api, field: string, path: unknown): string {
  const url = typeof path === 'string' ? urlOf(api, path) : undefined
  if (url !== undefined) return url
  const fix = 'return a path below baseUrl that begins with /, without .. and #'
  throw new ConfigurationError(api.subject, [optionProblem(field, path, fix)])
}

function urlOf(api: Api, path: string): string | undefined {
  if (/[\\#\s]|(?:^|\/)(?:\.|%2e){2}(?:\/|$|\?)/i.test(path)) return undefined
  if (/^https?:/i.test(path)) {
    return URL.canParse(path) && new URL(path).origin === api.origin ? new URL(path).href : undefined
  }
  if (!path.startsWith('/') || path.startsWith('//')) return undefined
  const [pathname = '', query = ''] = path.split(/\?(.*)/s)
  const url = new URL(api.address(pathname))
  for (const [name, value] of new URLSearchParams(query)) url.searchParams.append(name, value)
  return url.href
}
