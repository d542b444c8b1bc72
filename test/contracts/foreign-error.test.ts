import { inspect } from 'node:util'
import { HTTPError } from 'ky'
import { describe, expect, it } from 'vitest'
import { toErrorJson } from '../../src/contracts/errors.js'
import { AllStrategiesFailedError, RunStateError, SubmissionUnknownError } from '../../src/contracts/run-errors.js'
import { rememberSecret } from '../../src/contracts/secrets/known-secrets.js'
import { errorStatusOf, whyUnknown } from '../../src/contracts/submission.js'
import { NetworkError, UpstreamHttpError } from '../../src/contracts/upstream-errors.js'
import { leaksIn } from '../secrets/leaks.js'

const KEY = 'wordless-Xk29fjw8Qm3nZp7RtY5vLb4c'
const ADDRESS = `https://api.example/v1/videos?account=${KEY}&page=2`

class AxiosError extends Error {
  override readonly name = 'AxiosError'
  readonly code = 'ERR_BAD_REQUEST'
  readonly config = { url: ADDRESS, headers: { authorization: `Bearer ${KEY}` }, auth: { password: KEY } }
  readonly request = { path: `/v1/videos?account=${KEY}`, _header: `authorization: Bearer ${KEY}` }
  readonly response = { status: 401, headers: { 'set-cookie': KEY }, config: this.config }
  toJSON() {
    return { config: this.config }
  }
  [inspect.custom]() {
    return `AxiosError with ${this.config.headers.authorization}`
  }
}

class DatabaseError extends Error {
  override readonly name = 'DatabaseError'
  readonly code = '28P01'
  readonly severity = 'FATAL'
  readonly detail = `for ${KEY}`
  readonly client = {
    connectionParameters: { password: KEY, connectionString: `postgres://app:${KEY}@db.example/app` },
  }
}

class Hostile extends Error {
  get config() {
    throw new Error(KEY)
  }
  override get message(): string {
    throw new TypeError(KEY)
  }
}

const request = new Request(ADDRESS, { headers: { authorization: `Bearer ${KEY}` } })
const CAUSES: readonly (readonly [string, unknown])[] = [
  ['axios', new AxiosError('Request failed with status code 401')],
  ['ky', new HTTPError(new Response(KEY, { status: 401 }), request, { headers: request.headers } as never)],
  [
    'undici',
    Object.assign(new TypeError('fetch failed'), {
      cause: Object.assign(new Error(`connect to ${ADDRESS}`), { code: 'ECONNRESET', socket: { servername: KEY } }),
    }),
  ],
  ['pg', new DatabaseError('password authentication failed for user "app"')],
  ['an address with a password', new Error(`connect ECONNREFUSED postgres://app:${KEY}@db.example/app?sslkey=${KEY}`)],
  [
    'an aggregate',
    new AggregateError([new AxiosError('one'), `text ${ADDRESS}`, { authorization: KEY }], 'all failed'),
  ],
  ['an object', { headers: { authorization: KEY }, status: 500, code: KEY }],
  ['a text', `refused ${ADDRESS}`],
  ['an error of DOM', new DOMException(`aborted ${ADDRESS}`, 'TimeoutError')],
  ['a ring', ring()],
  ['one that cannot be read', new Hostile()],
  ['a revoked proxy', revoked()],
]

describe.each(CAUSES)('the cause %s', (_, cause) => {
  it('shows no header, query or configuration', () => {
    const errors = [
      new SubmissionUnknownError('Could not learn it', { cause }),
      new AllStrategiesFailedError('Could not upload', { errors: [cause, new NetworkError('Could not x', { cause })] }),
      new RunStateError('Could not save', { cause: new RunStateError('Could not write', { cause }) }),
    ]
    for (const error of errors) {
      expect(leaksIn(error, [KEY])).toEqual([])
      expect(inspect(error, { depth: 20, showHidden: true, customInspect: false })).not.toContain('page=2')
    }
    expect(JSON.stringify(toErrorJson(cause))).not.toContain('page=2')
  })
})

describe('what is kept of a cause', () => {
  it('is its class, name, message, stack, codes, status and causes', () => {
    const inner = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', errno: -104, syscall: 'read' })
    const cause = Object.assign(new AxiosError('Request failed with status code 401'), { cause: inner })
    const kept = new SubmissionUnknownError('Could not learn it', { cause }).cause
    expect(kept).toBeInstanceOf(AxiosError)
    expect(kept).toMatchObject({ name: 'AxiosError', message: cause.message, code: 'ERR_BAD_REQUEST', status: 401 })
    expect((kept as Error).stack).toBe(cause.stack)
    expect((kept as Error).cause).toMatchObject({ message: 'read ECONNRESET', code: 'ECONNRESET', syscall: 'read' })
    expect(inspect(kept)).toContain("code: 'ERR_BAD_REQUEST'")
  })

  it('proves what the original proves', () => {
    for (const [name, cause] of CAUSES) {
      const kept = new SubmissionUnknownError('Could not learn it', { cause }).cause
      expect(whyUnknown(kept), name).toBe(whyUnknown(cause))
      expect(errorStatusOf(kept), name).toBe(errorStatusOf(cause))
    }
  })

  it('is an error of the library, whatever it caused', () => {
    const cause = new NetworkError('Could not read it')
    expect(new RunStateError('Could not save', { cause }).cause).toBe(cause)
    expect(new AllStrategiesFailedError('Could not x', { errors: [cause] }).errors[0]).toBe(cause)
  })
})

it('a credential that was used is in no part of a later error', () => {
  const key = 'u5ed-Qm3nZp7RtY5vLb4cXk29fjw8'
  rememberSecret(key)
  const host = key.replaceAll('-', '').toLowerCase()
  const error = new UpstreamHttpError(`Could not go to ${host}.example: ${key} was refused`, {
    status: 500,
    url: `https://${host}.example/${key}/videos`,
    bodyExcerpt: Buffer.from(`Bearer ${key}`).toString('base64'),
  })
  expect(leaksIn(error, [key, host])).toEqual([])
  expect(error.message).toContain('.example')
})

function ring(): Error {
  const error = new AxiosError('first')
  return Object.assign(error, { cause: Object.assign(new AxiosError('second'), { cause: error }) })
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable(new Error(KEY), {})
  revoke()
  return proxy
}
