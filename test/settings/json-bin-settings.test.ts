import { inspect } from 'node:util'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { JsonValue } from '../../src/contracts/json.js'
import type { FaultPlan, FaultPlans } from '../../src/sandbox/fault.js'
import type { Sandbox } from '../../src/sandbox/sandbox.js'
import { startSandbox } from '../../src/sandbox/start-sandbox.js'
import type { JsonBinSettingsOptions } from '../../src/settings/json-bin-options.js'
import { jsonBinSettings } from '../../src/settings/json-bin-settings.js'
import { eventually } from '../support/eventually.js'
import { deadOrigin } from '../upstream/loopback-server.js'
import { problemsOf } from './problems-of.js'

const EMPTY = { format: 'sora-pipeline-settings', version: 1, settings: {} }
const CANARY = 'canary-password-1'

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await startSandbox()
})
afterAll(() => sandbox.close())
beforeEach(() => {
  sandbox.clearFaults()
  sandbox.jsonBin.setRecord(EMPTY)
})

function storeOf(options: Partial<JsonBinSettingsOptions> = {}) {
  const { baseUrl, binId, masterKey } = sandbox.jsonBin
  const warnings: string[] = []
  const onWarning = ({ code }: { readonly code: string }) => warnings.push(code)
  const secrets = { googleDrivePassword: CANARY }
  return { warnings, ...storeWith({ baseUrl, binId, masterKey, timeoutMs: 2000, onWarning, secrets, ...options }) }
}

function storeWith(options: JsonBinSettingsOptions) {
  return { store: jsonBinSettings(options) }
}

const rejection = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )
const record = () => sandbox.jsonBin.record as { readonly settings: Record<string, Record<string, unknown> | null> }

describe('pull', () => {
  it('lays the bin over the initial settings', async () => {
    const { store, warnings } = storeOf({
      initial: { mirrors: { hosts: ['a.example'] }, publisher: { baseUrl: 'https://a.example' } },
    })
    sandbox.jsonBin.setRecord({ ...EMPTY, settings: { watermarkFree: { isEnabled: true }, publisher: null } })
    expect(store.current.watermarkFree.isEnabled).toBe(false)
    const outcome = await store.pull()
    expect(outcome).toEqual({ settings: store.current, isPulled: true, isPushed: true })
    expect(store.current).toMatchObject({ watermarkFree: { isEnabled: true }, mirrors: { hosts: ['a.example'] } })
    expect(store.current.publisher).toBeUndefined()
    expect(warnings).toEqual([])
  })

  it('keeps the same object while the bin is unchanged', async () => {
    const { store } = storeOf()
    await store.pull()
    const { current } = store
    await store.pull()
    expect(store.current).toBe(current)
  })

  it.each<[string, JsonValue]>([
    ['the sample of a new bin', { sample: 'Hello World' }],
    ['a document without settings', { format: 'sora-pipeline-settings', version: 1 }],
  ])('takes %s as empty', async (_, value) => {
    sandbox.jsonBin.setRecord(value)
    const { store } = storeOf({ initial: { googleDrive: { folderId: 'a' } } })
    expect(await store.pull()).toMatchObject({ isPulled: true, settings: { googleDrive: { folderId: 'a' } } })
  })

  it.each<[string, JsonValue, string, RegExp]>([
    ['a list of accounts', [{ email: 'canary', access_token: 'canary' }], 'binId', /an array of 1 of another program/],
    ['an object of another program', { settings: { canary: 1 } }, 'binId', /an object of another program/],
    ['a text', 'canary', 'binId', /of another program/],
    ['no object in the wrapping', { ...EMPTY, settings: [] }, 'binId', /of another program/],
    ['a newer document', { ...EMPTY, version: 2, settings: { canary: 1 } }, 'version', /^2$/],
    ['newer settings', { ...EMPTY, settings: { version: 3 } }, 'version', /^3$/],
    [
      'settings with a credential',
      { ...EMPTY, settings: { googleDrive: { password: 'canary' } } },
      'googleDrive.password',
      /^unknown$/,
    ],
    ['settings that are wrong', { ...EMPTY, settings: { mirrors: { hosts: CANARY } } }, 'mirrors.hosts', /redacted/],
  ])('refuses %s, and leaves the bin alone', async (_, value, field, shown) => {
    sandbox.jsonBin.setRecord(value)
    const { store, warnings } = storeOf()
    const { current } = store
    const error = await rejection(store.pull())
    expect(error).toMatchObject({
      code: 'configuration-invalid',
      problems: [{ field, value: expect.stringMatching(shown) }],
    })
    expect(inspect(error, { depth: 12 })).not.toContain('canary')
    expect(warnings).toEqual(['settings-not-pulled'])
    const update = await store.update({ watermarkFree: { isEnabled: true } })
    expect(update).toMatchObject({ isPulled: false, isPushed: false, error: { code: 'configuration-invalid' } })
    expect(sandbox.jsonBin.record).toEqual(value)
    expect(current.watermarkFree.isEnabled).toBe(false)
    expect(store.current.watermarkFree.isEnabled).toBe(true)
  })

  it.each<[string, Partial<JsonBinSettingsOptions>, object]>([
    [
      'a bin that is not there',
      { binId: '0'.repeat(24) },
      { code: 'configuration-invalid', problems: [{ field: 'binId' }] },
    ],
    ['an invalid id', { binId: 'my-bin' }, { code: 'configuration-invalid', problems: [{ field: 'binId' }] }],
    ['a wrong key', { masterKey: 'canary-key-9' }, { code: 'authentication', status: 401 }],
    [
      'a wrong access key',
      { masterKey: undefined, accessKey: 'canary-key-9' },
      { code: 'authentication', status: 401 },
    ],
  ])('rejects for %s', async (_, options, expected) => {
    const error = await rejection(storeOf(options).store.pull())
    expect(error).toMatchObject(expected)
    expect(inspect(error, { depth: 12 })).not.toContain('canary')
  })

  it.each<[string, FaultPlan, string]>([
    ['a reset', { kind: 'reset' }, 'network'],
    ['a reset in the body', { kind: 'reset', when: 'in-body' }, 'network'],
    ['silence', { kind: 'hang' }, 'network'],
    ['a body that hangs', { kind: 'hang-body' }, 'network'],
    ['an error of the server', { kind: 'status', status: 500 }, 'upstream-http'],
    ['maintenance', { kind: 'status', status: 503 }, 'overloaded'],
    ['a redirect', { kind: 'status', status: 302, headers: { location: 'https://a.example' } }, 'upstream-http'],
    ['a page', { kind: 'html' }, 'upstream-response'],
    ['half an answer', { kind: 'truncated-json' }, 'upstream-response'],
    ['too many requests', { kind: 'rate-limit' }, 'rate-limited'],
    [
      'no requests left',
      { kind: 'status', status: 403, body: { message: 'Requests quota exhausted' } },
      'quota-exceeded',
    ],
    ['a page that forbids', { kind: 'status', status: 403, body: '<html>blocked</html>' }, 'upstream-http'],
    ['another 400', { kind: 'status', status: 400, body: { message: 'canary-key' } }, 'upstream-http'],
  ])('keeps the last good copy through %s', async (_, fault, code) => {
    const { store, warnings } = storeOf({ timeoutMs: 1_000 })
    sandbox.jsonBin.setRecord({ ...EMPTY, settings: { googleDrive: { folderId: 'canary-in-the-bin' } } })
    await store.pull()
    const { current } = store
    sandbox.setFaults({ 'jsonbin.read': fault })
    const outcome = await store.pull()
    expect(outcome).toMatchObject({ isPulled: false, isPushed: true, settings: current, error: { code } })
    expect(warnings).toEqual(['settings-not-pulled'])
    expect(store.current).toBe(current)
    expect(inspect(outcome.error, { depth: 12 })).not.toContain(sandbox.jsonBin.masterKey)
    expect(inspect(outcome.error, { depth: 12 })).not.toContain('canary-in-the-bin')
    sandbox.clearFaults()
    expect(await store.pull()).toMatchObject({ isPulled: true })
  })

  it('continues with the initial settings when the service is down at the start', async () => {
    const { store, warnings } = storeOf({
      baseUrl: `${await deadOrigin()}/v3`,
      initial: { watermarkFree: { isEnabled: true } },
    })
    expect(await store.pull()).toMatchObject({ isPulled: false, error: { code: 'network' } })
    expect(store.current.watermarkFree.isEnabled).toBe(true)
    expect(warnings).toEqual(['settings-not-pulled'])
  })

  it('survives any document with the last good copy', async () => {
    const { store } = storeOf()
    await store.update({ googleDrive: { folderId: 'good' } })
    const text = { contentType: 'application/json' }
    const fetch = vi.fn<typeof globalThis.fetch>()
    const { store: odd } = storeOf({ fetch, initial: store.current })
    const wrapped = fc.jsonValue().map((settings) => ({ ...EMPTY, settings }))
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.jsonValue(), wrapped), async (value) => {
        const before = odd.current
        fetch.mockResolvedValueOnce(new Response(JSON.stringify(value), { headers: { ...text } }))
        const outcome = await odd.pull().catch(({ code }) => ({ code }))
        return 'code' in outcome ? outcome.code === 'configuration-invalid' && odd.current === before : outcome.isPulled
      }),
    )
    expect(odd.current.googleDrive.folderId).toBe('good')
  })

  it('reads an answer with its metadata too', async () => {
    const body = { record: { ...EMPTY, settings: { googleDrive: { folderId: 'a' } } }, metadata: { id: 'a' } }
    const { store } = storeOf({ fetch: async () => Response.json(body) })
    await store.pull()
    expect(store.current.googleDrive.folderId).toBe('a')
  })
})

describe('update', () => {
  it('changes at once, and stores the whole with its wrapping and without versions of it', async () => {
    const { store } = storeOf({ initial: { publisher: { baseUrl: 'https://a.example' } } })
    const promise = store.update({ watermarkFree: { isEnabled: true, parseMethod: 'custom' }, publisher: null })
    expect(store.current.watermarkFree).toEqual({ isEnabled: true, parseMethod: 'custom' })
    expect(await promise).toEqual({ settings: store.current, isPulled: true, isPushed: true })
    expect(sandbox.jsonBin.record).toEqual({
      format: 'sora-pipeline-settings',
      version: 1,
      settings: { ...store.current, publisher: null },
    })
    expect(sandbox.requestsTo('jsonbin.update').at(-1)?.headers).toMatchObject({ 'x-bin-versioning': 'false' })
  })

  it('is seen by another process, with an empty list', async () => {
    const initial = { mirrors: { hosts: ['a.example'] } }
    const [first, second] = [storeOf({ initial }), storeOf({ initial })]
    await first.store.update((settings) => ({ ...settings, mirrors: { ...settings.mirrors, hosts: [] } }))
    await second.store.pull()
    expect(second.store.current).toEqual(first.store.current)
    expect(second.store.current.mirrors.hosts).toEqual([])
  })

  it('leaves the fields that another process changed', async () => {
    const [first, second] = [storeOf(), storeOf()]
    await first.store.update({ googleDrive: { folderId: 'first' } })
    await second.store.update({ watermarkFree: { isEnabled: true } })
    expect(record().settings).toMatchObject({ googleDrive: { folderId: 'first' }, watermarkFree: { isEnabled: true } })
    expect(second.store.current.googleDrive.folderId).toBe('first')
  })

  it.each<[string, FaultPlans, string, string]>([
    ['the read', { 'jsonbin.read': { kind: 'status', status: 502 } }, 'upstream-http', 'settings-not-pulled'],
    ['the write', { 'jsonbin.update': { kind: 'reset' } }, 'network', 'settings-not-pushed'],
    ['the answer', { 'jsonbin.update': { kind: 'reset', when: 'after-handling' } }, 'network', 'settings-not-pushed'],
    ['the bin', { 'jsonbin.update': { kind: 'status', status: 404 } }, 'configuration-invalid', 'settings-not-pushed'],
    ['the right', { 'jsonbin.update': { kind: 'status', status: 401 } }, 'authentication', 'settings-not-pushed'],
  ])('that lost %s is repeated by the next pull', async (_, faults, code, warning) => {
    const { store, warnings } = storeOf()
    sandbox.setFaults(faults)
    const outcome = await store.update({ googleDrive: { folderId: 'kept' } })
    expect(outcome).toMatchObject({ isPushed: false, error: { code }, settings: { googleDrive: { folderId: 'kept' } } })
    expect(warnings).toEqual([warning])
    sandbox.clearFaults()
    expect(await store.pull()).toMatchObject({ isPulled: true, isPushed: true })
    expect(record().settings).toMatchObject({ googleDrive: { folderId: 'kept' } })
    const count = sandbox.requestsTo('jsonbin.update').length
    await store.pull()
    expect(sandbox.requestsTo('jsonbin.update')).toHaveLength(count)
  })

  it('of many at once stores them all', async () => {
    const { store } = storeOf()
    const outcomes = await Promise.all([
      store.update({ googleDrive: { folderId: 'a' } }),
      store.update({ deadlines: { totalMs: 5 } }),
      store.update({ googleDrive: { folderId: 'b' } }),
    ])
    expect(outcomes.every(({ isPushed }) => isPushed)).toBe(true)
    expect(record().settings).toMatchObject({ googleDrive: { folderId: 'b' }, deadlines: { totalMs: 5 } })
  })

  it('that would be wrong changes nothing', async () => {
    const { store } = storeOf()
    const { current } = store
    const error = await rejection(store.update({ mirrors: { path: 'x' } }))
    expect(error).toMatchObject({ code: 'configuration-invalid', problems: [{ field: 'mirrors.path' }] })
    expect(store.current).toBe(current)
    expect(await store.pull()).toMatchObject({ isPushed: true })
    expect(record().settings).toEqual({})
  })

  it.each<[string, string]>([
    ['the password', CANARY],
    ['the password in a text', `a-${CANARY}-b`],
    ['the password in another form', `https://a.example/${Buffer.from(CANARY).toString('base64url')}`],
    ['what looks like a key', 'sk-canary1234567890'],
    ['an address with a token', 'https://a.example/?token=canary-1'],
  ])('never stores %s', async (_, value) => {
    const { store, warnings } = storeOf()
    const outcome = await store.update({ googleDrive: { folderId: value } })
    expect(outcome).toMatchObject({ isPushed: false, error: { problems: [{ field: 'googleDrive.folderId' }] } })
    expect(inspect(outcome.error, { depth: 12 })).not.toContain('canary')
    expect(warnings).toEqual(['settings-not-pushed'])
    expect(JSON.stringify(sandbox.jsonBin.record)).not.toContain('canary')
    expect(await store.update({ googleDrive: { folderId: null } })).toMatchObject({ isPushed: true })
  })

  it('stores words and hosts that only look like secrets', async () => {
    const { store } = storeOf({ secrets: { googleDrivePassword: 'sora' } })
    const spaces = ['hf-something-long-url2drive.hf.space', 'https://key-value-store.example:8080/a']
    const generator = { kind: 'videos-api', baseUrl: 'https://sora.example/v1', model: 'sora-2' } as const
    expect(await store.update({ googleDrive: { spaces }, generator })).toMatchObject({ isPushed: true })
    expect(await store.update({ googleDrive: { folderId: 'sora' } })).toMatchObject({ isPushed: false })
  })

  it('survives a listener that throws', async () => {
    const { store } = storeOf({
      onWarning: () => {
        throw new Error('listener')
      },
    })
    sandbox.setFaults({ 'jsonbin.read': { kind: 'html' } })
    expect(await store.update({ googleDrive: { folderId: 'a' } })).toMatchObject({ isPushed: false })
  })
})

describe('abort', () => {
  it('rejects with its reason, before and in the middle, and the change is stored later', async () => {
    const { store, warnings } = storeOf()
    const reason = new Error('enough')
    expect(await rejection(store.pull({ signal: AbortSignal.abort(reason) }))).toBe(reason)
    sandbox.setFaults({ 'jsonbin.read': { kind: 'hang' } })
    const controller = new AbortController()
    const count = sandbox.requestsTo('jsonbin.read').length
    const first = rejection(store.update({ googleDrive: { folderId: 'kept' } }, controller))
    const second = rejection(store.pull(controller))
    await eventually(() => expect(sandbox.requestsTo('jsonbin.read').length).toBeGreaterThan(count))
    controller.abort(reason)
    expect([await first, await second]).toEqual([reason, reason])
    sandbox.clearFaults()
    await store.pull()
    expect(record().settings).toMatchObject({ googleDrive: { folderId: 'kept' } })
    expect(warnings).toEqual([])
  })
})

describe('a call that is given up while it waits', () => {
  it('does not let the next one overtake the one at work', async () => {
    const { store } = storeOf()
    sandbox.setFaults({ 'jsonbin.read': [{ kind: 'slow', delayMs: 60 }] })
    const count = sandbox.requestsTo('jsonbin.read').length
    const first = store.pull().then(() => sandbox.requestsTo('jsonbin.read').length)
    const controller = new AbortController()
    const second = rejection(store.pull(controller))
    const third = store.pull()
    controller.abort('enough')
    expect(await second).toBe('enough')
    expect(await first).toBe(count + 1)
    expect(await third).toMatchObject({ isPulled: true })
    expect(sandbox.requestsTo('jsonbin.read')).toHaveLength(count + 2)
  })
})

describe('allowedHosts', () => {
  const initial = { generator: { kind: 'videos-api', baseUrl: 'https://own.example/v1' } } as const

  it('refuses a document that sends credentials elsewhere', async () => {
    const { store } = storeOf({ initial, allowedHosts: ['space.example'] })
    const settings = {
      generator: { baseUrl: 'https://evil.example/v1' },
      publisher: { baseUrl: 'https://own.example/backend' },
      watermarkFree: { customUrl: 'https://evil.example:8443' },
      googleDrive: { spaces: ['space.example', 'evil.example'] },
    }
    sandbox.jsonBin.setRecord({ ...EMPTY, settings })
    const error = await rejection(store.pull())
    expect(error).toMatchObject({
      problems: [
        { field: 'generator.baseUrl' },
        { field: 'watermarkFree.customUrl' },
        { field: 'googleDrive.spaces[1]' },
      ],
    })
    expect(store.current.generator?.baseUrl).toBe('https://own.example/v1')
    expect(await rejection(store.update({ publisher: { baseUrl: 'https://b.example' } }))).toMatchObject({
      problems: [{ field: 'publisher.baseUrl', value: '"b.example"' }],
    })
  })
})

describe('options', () => {
  it.each<[Partial<JsonBinSettingsOptions>, string]>([
    [{ binId: '' }, 'binId'],
    [{ binId: '../c' }, 'binId'],
    [{ masterKey: undefined }, 'masterKey'],
    [{ accessKey: 'b' }, 'masterKey'],
    [{ masterKey: 'ä' }, 'masterKey'],
    [{ masterKey: undefined, accessKey: ' ' }, 'accessKey'],
    [{ baseUrl: 'bins.example' }, 'baseUrl'],
    [{ timeoutMs: 0 }, 'timeoutMs'],
    [{ onWarning: 1 as never }, 'onWarning'],
    [{ allowedHosts: 'a' as never }, 'allowedHosts'],
    [{ initial: { mirrors: { path: 'a' } } }, 'mirrors.path'],
  ])('%j are refused: %s', (options, field) => {
    const problems = problemsOf(() => jsonBinSettings({ binId: 'bin1', masterKey: 'a', ...options }))
    expect(problems.map((problem) => problem.field)).toEqual([field])
  })

  it('has the address of the service', async () => {
    const fetch = vi.fn(async () => Response.json(EMPTY))
    await jsonBinSettings({ binId: 'bin1', accessKey: 'key-1', fetch }).pull()
    expect(fetch).toHaveBeenCalledWith(
      'https://api.jsonbin.io/v3/b/bin1/latest',
      expect.objectContaining({ headers: expect.objectContaining({ 'x-access-key': 'key-1', 'x-bin-meta': 'false' }) }),
    )
  })
})
