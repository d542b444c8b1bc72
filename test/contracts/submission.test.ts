import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSoraPipelineError, toErrorJson } from '../../src/contracts/errors.js'
import { provesNeverSent } from '../../src/contracts/network-code.js'
import { mayHaveBeenAccepted, whyUnknown } from '../../src/contracts/submission.js'
import {
  AllStrategiesFailedError,
  AuthenticationError,
  ContentRejectedError,
  NetworkError,
  NoUsableUrlError,
  StageTimeoutError,
  UpstreamHttpError,
} from '../../src/index.js'
import { fakeSource } from '../../src/testing/index.js'

const plain = (fields: object = {}, message = 'it failed') => Object.assign(new Error(message), fields)
const named = (name: string, fields: object = {}) => plain({ name, ...fields })
const causedBy = (cause: unknown, message = 'it failed') => new Error(message, { cause })
/** As openai makes them: a class with a name, errors without one. */
const ofClass = (name: string, fields: object = {}, message = 'it failed') => {
  const Class = { [name]: class extends Error {} }[name] as ErrorConstructor
  return Object.assign(new Class(message), fields)
}
const deep = (cause: unknown, depth: number): unknown => (depth === 0 ? cause : causedBy(deep(cause, depth - 1)))

describe('a submission may have been accepted after', () => {
  it.each<[string, unknown, string]>([
    [
      'a deadline of another run',
      new StageTimeoutError('Could not generate', { timeoutMs: 1 }),
      'no answer came in time',
    ],
    ['a 500 in status', plain({ status: 500 }), 'the error carries status 500'],
    ['a 502 in statusCode', plain({ statusCode: 502 }), 'the error carries status 502'],
    ['a 504 in response.status', plain({ response: { status: 504 } }), 'the error carries status 504'],
    ['a 500 in response.statusCode', plain({ response: { statusCode: 500 } }), 'the error carries status 500'],
    ['a 500 of an AWS client', plain({ $metadata: { httpStatusCode: 500 } }), 'the error carries status 500'],
    ['a 500 in code, of a client of Google', plain({ code: 500 }), 'the error carries status 500'],
    ['a 409 in code', plain({ code: 409 }), 'the error carries status 409'],
    ['a 500 in code, as text', plain({ code: '500' }), 'the error carries status 500'],
    ['a 502 in res.statusCode', plain({ res: { statusCode: 502 } }), 'the error carries status 502'],
    ['a 500 of Boom', plain({ output: { statusCode: 500 } }), 'the error carries status 500'],
    [
      'a chain of the library, one of whose members is in doubt',
      new AllStrategiesFailedError('Could not generate', { errors: [plain(), plain({ status: 500 })] }),
      'the error carries status 500',
    ],
    ['a 500 as text', plain({ status: '500' }), 'the error carries status 500'],
    ['a 500 five causes deep', deep(plain({ status: 500 }), 5), 'the error carries status 500'],
    ['a 500 of a plain object', { status: 500 }, 'the error carries status 500'],
    ['a 408', plain({ status: 408 }), 'the error carries status 408'],
    ['a 409', plain({ status: 409 }), 'the error carries status 409'],
    ['a 302', plain({ status: 302 }), 'the error carries status 302'],
    ['a 200 that cannot be read', named('AI_APICallError', { statusCode: 200 }), 'the error carries status 200'],
    ['a 520', plain({ status: 520 }), 'the error carries status 520'],
    ['a time limit of openai', ofClass('APIConnectionTimeoutError'), 'the error is of class APIConnectionTimeoutError'],
    [
      'a reset of openai',
      ofClass('APIConnectionError', { cause: new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } }) }),
      'the error carries the code ECONNRESET',
    ],
    [
      'a connection of openai without a cause',
      ofClass('APIConnectionError'),
      'the error is of class APIConnectionError',
    ],
    ['a minified openai', ofClass('a', {}, 'Request timed out.'), 'no answer came'],
    ['the time limit of AbortSignal', new DOMException('late', 'TimeoutError'), 'the error is of class TimeoutError'],
    ['the time limit of another client', named('RequestTimedOutError'), 'the error is of class RequestTimedOutError'],
    ['its own abort', new DOMException('enough', 'AbortError'), 'the error is of class AbortError'],
    [
      'the time limit of axios',
      named('AxiosError', { code: 'ECONNABORTED' }),
      'the error carries the code ECONNABORTED',
    ],
    ['a clear time limit of axios', named('AxiosError', { code: 'ETIMEDOUT' }), 'the error carries the code ETIMEDOUT'],
    [
      'the network error of axios',
      named('AxiosError', { code: 'ERR_NETWORK' }),
      'the error carries the code ERR_NETWORK',
    ],
    ['an aborted axios', named('CanceledError', { code: 'ERR_CANCELED' }), 'the error carries the code ERR_CANCELED'],
    [
      'a 500 of axios',
      named('AxiosError', { code: 'ERR_BAD_RESPONSE', response: { status: 500 } }),
      'the error carries status 500',
    ],
    ['a broken answer of got', named('ReadError', { code: 'ECONNRESET' }), 'the error carries the code ECONNRESET'],
    [
      'a broken body of got',
      named('ReadError', { code: 'ERR_READING_RESPONSE_STREAM' }),
      'ERR_READING_RESPONSE_STREAM',
    ],
    [
      'the time limit of got',
      named('TimeoutError', { code: 'ETIMEDOUT', event: 'response' }),
      'the error carries the code ETIMEDOUT',
    ],
    [
      'a 500 of got',
      named('HTTPError', { code: 'ERR_NON_2XX_3XX_RESPONSE', response: { statusCode: 500 } }),
      'the error carries status 500',
    ],
    [
      'the headers of undici',
      causedBy({ code: 'UND_ERR_HEADERS_TIMEOUT' }),
      'the error carries the code UND_ERR_HEADERS_TIMEOUT',
    ],
    ['a closed client of undici', plain({ code: 'UND_ERR_CLOSED' }), 'the error carries the code UND_ERR_CLOSED'],
    [
      'garbage in place of HTTP',
      causedBy({ code: 'HPE_INVALID_CONSTANT' }),
      'the error carries the code HPE_INVALID_CONSTANT',
    ],
    ['a cut of HTTP/2', plain({ code: 'ERR_HTTP2_STREAM_ERROR' }), 'the error carries the code ERR_HTTP2_STREAM_ERROR'],
    ['an AI SDK call without a status', named('AI_APICallError'), 'the error is of class AI_APICallError'],
    ['a 500 of the AI SDK', named('AI_APICallError', { statusCode: 500 }), 'the error carries status 500'],
    [
      'a download of the video by the AI SDK',
      named('AI_DownloadError', { statusCode: 404 }),
      'the error is of class AI_DownloadError',
    ],
    [
      'a 500 before a 429, of the AI SDK',
      named('AI_RetryError', { errors: [plain({ statusCode: 500 }), plain({ statusCode: 429 })] }),
      'the error carries status 500',
    ],
    ['an answer of another shape', named('ZodError', { issues: [] }), 'the error is of class ZodError'],
    ['an answer of another shape, as zod 3 has it', named('ZodError', { errors: [{ code: 'custom' }] }), 'ZodError'],
    ['the network of ky', named('NetworkError'), 'the error is of class NetworkError'],
    ['the network of node-fetch', named('FetchError', { type: 'request-timeout' }), 'the error is of class FetchError'],
    ['a reset', plain({ code: 'ECONNRESET', syscall: 'read' }), 'the error carries the code ECONNRESET'],
    ['a host that went away in the middle', plain({ code: 'EHOSTUNREACH', syscall: 'read' }), 'EHOSTUNREACH'],
    ['a fetch without a cause', new TypeError('fetch failed'), 'no answer came'],
    ['a TypeError', new TypeError('x is not a function'), 'its own code failed with a TypeError'],
    ['a RangeError', new RangeError('x'), 'its own code failed with a RangeError'],
    ['a ReferenceError', new ReferenceError('x is not defined'), 'its own code failed with a ReferenceError'],
    ['a SyntaxError', new SyntaxError('Unexpected end of JSON input'), 'its own code failed with a SyntaxError'],
    ['a bug as a cause', causedBy(new TypeError('x')), 'its own code failed with a TypeError'],
    ['an address in the answer', named('TypeError', { code: 'ERR_INVALID_URL' }), 'ERR_INVALID_URL'],
    ['an error of the library as a cause', causedBy(new NetworkError('x: y')), 'no answer came'],
    ['a video behind a key', new NoUsableUrlError('x: y', { source: fakeSource() }), 'the video exists'],
  ])('%s', (_, error, reason) => {
    expect(mayHaveBeenAccepted(error)).toBe(true)
    expect(whyUnknown(error)).toContain(reason)
  })
})

describe('a submission may have been accepted after a value that is not an error', () => {
  it.each([undefined, null, 500, false, Symbol('x'), 'timeout', 'socket hang up'])('%s', (thrown) => {
    expect(mayHaveBeenAccepted(thrown)).toBe(true)
  })
})

describe('a gRPC call that failed', () => {
  const failed = (code: number, details: string) => Object.assign(new Error(details), { code, details, metadata: {} })

  it.each([
    [1, 'CANCELLED'],
    [2, 'UNKNOWN'],
    [4, 'DEADLINE_EXCEEDED'],
    [10, 'ABORTED'],
    [13, 'INTERNAL: RST_STREAM'],
    [14, 'UNAVAILABLE: Connection dropped'],
    [15, 'DATA_LOSS'],
  ])('with %i %s may have been accepted', (code, details) => {
    expect(mayHaveBeenAccepted(failed(code, details))).toBe(true)
  })

  it.each([
    [3, 'INVALID_ARGUMENT'],
    [7, 'PERMISSION_DENIED'],
    [8, 'RESOURCE_EXHAUSTED'],
    [16, 'UNAUTHENTICATED'],
    [14, 'No connection established. Last error: connect ECONNREFUSED'],
  ])('with %i %s was not accepted', (code, details) => {
    expect(mayHaveBeenAccepted(failed(code, details))).toBe(false)
  })

  it('is one by its metadata, not by a number alone', () => {
    expect(mayHaveBeenAccepted(Object.assign(new Error('no credit'), { code: 14 }))).toBe(false)
  })
})

it.each(['originalError', 'error', 'innerError'])('an error under %s counts as the cause', (name) => {
  const inner = Object.assign(new Error('failed'), { status: 500 })
  expect(mayHaveBeenAccepted(Object.assign(new Error('wrapped'), { [name]: inner }))).toBe(true)
  expect(mayHaveBeenAccepted(Object.assign(new Error('wrapped'), { [name]: { status: 500 } }))).toBe(false)
})

describe('a submission was surely not accepted after', () => {
  it.each<[string, unknown]>([
    ['an error of the generator', plain({}, 'no credit left')],
    [
      'a deadline of another run that passed before anything was accepted',
      new StageTimeoutError('Could not generate', { timeoutMs: 1, isRefusal: true }),
    ],
    ['a text', 'no credit left'],
    ['a 429', plain({ status: 429 })],
    ['a 503', plain({ statusCode: 503 })],
    ['a 529', plain({ response: { status: 529 } })],
    ['a 400', ofClass('BadRequestError', { status: 400 })],
    ['a 422 in a cause', causedBy(plain({ status: 422 }))],
    ['a 429 of axios', named('AxiosError', { code: 'ERR_BAD_REQUEST', response: { status: 429 } })],
    ['a 404 of got', named('HTTPError', { response: { statusCode: 404 } })],
    ['a 402 of the AI SDK', named('AI_APICallError', { statusCode: 402 })],
    [
      'an unknown name',
      ofClass('APIConnectionError', { cause: new TypeError('fetch failed', { cause: { code: 'ENOTFOUND' } }) }),
    ],
    ['a refused connection', named('AI_APICallError', { cause: { cause: { code: 'ECONNREFUSED' } } })],
    ['a connection that took too long', causedBy({ code: 'UND_ERR_CONNECT_TIMEOUT' })],
    ['a connection that took too long, of node:http', plain({ code: 'ETIMEDOUT', syscall: 'connect' })],
    [
      'connections that took too long',
      plain({ code: 'ETIMEDOUT', errors: [1, 2].map(() => plain({ code: 'ETIMEDOUT', syscall: 'connect' })) }),
    ],
    ['a connection that took too long, of got', named('TimeoutError', { code: 'ETIMEDOUT', event: 'connect' })],
    ['a handshake that took too long, of got', named('TimeoutError', { code: 'ETIMEDOUT', event: 'secureConnect' })],
    [
      'a handshake that was cut',
      plain({ code: 'ECONNRESET' }, 'Client network socket disconnected before secure TLS connection was established'),
    ],
    ['a certificate', causedBy({ code: 'CERT_NOT_YET_VALID' })],
    ['an invalid address', new TypeError('Failed to parse URL from x', { cause: { code: 'ERR_INVALID_URL' } })],
    ['a network error that says so', named('NetworkError', { isRefusal: true })],
    ['several refusals', named('AI_RetryError', { errors: [plain({ statusCode: 429 }), plain({ statusCode: 429 })] })],
    ['a verdict of the library', new ContentRejectedError('x: y', { cause: plain({ status: 500 }) })],
    ['a verdict of the library as a cause', causedBy(new AuthenticationError('x: y'))],
    ['a refusal of the library', new UpstreamHttpError('x: y', { status: 500, isRefusal: true })],
    ['a status outside HTTP', plain({ status: 14 })],
    ['a 500 six causes deep', deep(plain({ status: 500 }), 6)],
  ])('%s', (_, error) => {
    expect(whyUnknown(error)).toBeUndefined()
    expect(mayHaveBeenAccepted(error)).toBe(false)
  })
})

const KEYS = ['status', 'statusCode', 'response', 'code', 'name', 'message', 'cause', 'errors', 'syscall', 'event']

/** How to make something hostile; fast-check itself looks into what it makes. */
type Recipe =
  | { readonly leaf: unknown }
  | { readonly list: readonly Recipe[] }
  | {
      readonly base: 'object' | 'error' | 'type-error' | 'null-prototype' | 'function'
      readonly fields: Readonly<Record<string, Recipe>>
      readonly throwing: readonly string[]
      readonly isRing: boolean
      readonly proxy: 'none' | 'throws' | 'echoes' | 'revoked'
    }

const { recipe: hostile } = fc.letrec<{ recipe: Recipe }>((tie) => ({
  recipe: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.record({ leaf: fc.constantFrom<unknown>(undefined, null, 500, '429', Number.NaN, 'ECONNRESET', 'TypeError') }),
    fc.record({ list: fc.array(tie('recipe'), { maxLength: 3 }) }),
    fc.record({
      base: fc.constantFrom('object', 'error', 'type-error', 'null-prototype', 'function'),
      fields: fc.dictionary(fc.constantFrom(...KEYS), tie('recipe')),
      throwing: fc.subarray(KEYS),
      isRing: fc.boolean(),
      proxy: fc.constantFrom('none', 'throws', 'echoes', 'revoked'),
    }),
  ),
}))

const BASES = {
  object: () => ({}),
  error: () => new Error('x'),
  'type-error': () => new TypeError('x'),
  'null-prototype': () => Object.create(null) as object,
  function: () => () => undefined,
}

function made(recipe: Recipe): unknown {
  if ('leaf' in recipe) return recipe.leaf
  if ('list' in recipe) return recipe.list.map(made)
  const target: object = BASES[recipe.base]()
  const define = (key: string, descriptor: PropertyDescriptor) =>
    Object.defineProperty(target, key, { ...descriptor, configurable: true })
  for (const [key, value] of Object.entries(recipe.fields)) define(key, { value: made(value) })
  if (recipe.isRing) {
    define('cause', { value: target })
    define('errors', { value: [target] })
  }
  const get = () => {
    throw new Error('hostile')
  }
  for (const key of recipe.throwing) define(key, { get })
  return behind(target, recipe.proxy)
}

function behind(target: object, kind: string): object {
  if (kind === 'none') return target
  if (kind === 'echoes') {
    const proxy: object = new Proxy(target, { get: () => proxy, has: () => true })
    return proxy
  }
  if (kind === 'revoked') {
    const { proxy, revoke } = Proxy.revocable(target, {})
    revoke()
    return proxy
  }
  const trap = () => {
    throw new Error('hostile')
  }
  return new Proxy(target, {
    get: trap,
    has: trap,
    getPrototypeOf: trap,
    ownKeys: trap,
    getOwnPropertyDescriptor: trap,
  })
}

describe('whatever is thrown', () => {
  it('is judged without another error', () => {
    fc.assert(
      fc.property(hostile, (recipe) => {
        const thrown = made(recipe)
        expect(typeof mayHaveBeenAccepted(thrown)).toBe('boolean')
        expect(['string', 'undefined']).toContain(typeof whyUnknown(thrown))
        expect(typeof provesNeverSent(thrown)).toBe('boolean')
        expect(isSoraPipelineError(thrown)).toBe(false)
        expect(typeof toErrorJson(thrown).message).toBe('string')
      }),
      { numRuns: 2_000 },
    )
  })

  it('is judged without its content', () => {
    const status = fc.integer({ min: 100, max: 599 })
    const secret = 'sk-proj-0123456789abcdefghij'
    fc.assert(
      fc.property(status, fc.constantFrom('status', 'statusCode'), (value, key) => {
        const error = Object.assign(new Error(secret), {
          [key]: value,
          code: secret,
          headers: { authorization: secret },
        })
        expect(whyUnknown(error) ?? '').not.toContain(secret)
        const isOpen = [408, 409, 444, 460, 499].includes(value)
        const isRefusal = value === 503 || value === 529 || (value >= 400 && value < 500 && !isOpen)
        expect(mayHaveBeenAccepted(error)).toBe(!isRefusal)
      }),
    )
  })
})
