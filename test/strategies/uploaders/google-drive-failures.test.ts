import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { isSoraPipelineError } from '../../../src/contracts/errors.js'
import { ConfigurationError } from '../../../src/contracts/input-errors.js'
import type { Fault, SandboxEndpoint } from '../../../src/sandbox/fault.js'
import { fakeSource } from '../../../src/testing/index.js'
import { deadOrigin } from '../../upstream/loopback-server.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'
import { countOf, driveSandbox, STEP, trafficOf } from './google-drive-sandbox.js'

describe('googleDriveUploader, when Drive refuses', () => {
  test('a full drive is a quota error, before a byte is sent', async () => {
    const { sandbox, drive, uploader } = await driveSandbox()
    drive.setQuota(500)
    const error = await rejection(uploader.upload(fakeSource(), stageContext()))
    expect(error).toMatchObject({ code: 'quota-exceeded', isRetryable: false, status: 403 })
    expect(countOf(sandbox, 'drive.upload')).toBe(0)
  })

  test('a drive that gets full on the way is a quota error, and the session is ended', async () => {
    const { sandbox, drive, uploader } = await driveSandbox()
    drive.setQuota(STEP + 1)
    const source = fakeSource({ byteLength: 2 * STEP, declaredByteLength: 'unknown' })
    const error = await rejection(uploader.upload(source, stageContext()))
    expect(error).toMatchObject({ code: 'quota-exceeded' })
    expect(trafficOf(sandbox)).toContain('drive.session 499')
    expect(drive.files.size).toBe(0)
  })

  test('a missing folder is named, with the fix', async () => {
    const { uploader } = await driveSandbox({ folderId: 'no-such-folder' })
    const error = await rejection(uploader.upload(fakeSource(), stageContext()))
    expect(error).toBeInstanceOf(ConfigurationError)
    expect(error).toMatchObject({
      message: expect.stringContaining('folderId is "no-such-folder" (give the id of a folder'),
      cause: { status: 404 },
    })
  })

  test('an address without a Drive is not blamed on the folder', async () => {
    const { sandbox, uploader } = await driveSandbox()
    sandbox.setFaults({ 'drive.create': { kind: 'status', status: 404, body: '<html>Not Found</html>' } })
    const error = await rejection(uploader.upload(fakeSource(), stageContext()))
    expect(error).toMatchObject({ code: 'upstream-http', status: 404 })
  })

  test('a missing scope is named', async () => {
    const { sandbox, uploader } = await driveSandbox()
    sandbox.setFaults({ 'drive.generate-ids': { kind: 'status', status: 403, reason: 'insufficientPermissions' } })
    const error = await rejection(uploader.upload(fakeSource(), stageContext()))
    expect(error).toMatchObject({
      code: 'authentication',
      message: expect.stringContaining('https://www.googleapis.com/auth/drive.file'),
    })
  })

  test('a file that may not be shared is deleted, and the option is named', async () => {
    const { sandbox, drive, uploader } = await driveSandbox()
    const refusal: Fault = { kind: 'status', status: 403, reason: 'publishOutNotPermitted' }
    sandbox.setFaults({ 'drive.permissions': refusal })
    const context = stageContext()
    const error = await rejection(uploader.upload(fakeSource(), context))
    expect(error).toMatchObject({ message: expect.stringContaining('share is "anyone"'), cause: { status: 403 } })
    expect(drive.files.size).toBe(0)
    expect(context.warnings).toEqual([])
  })

  test('a removal that is refused for a moment is repeated', async () => {
    const { sandbox, drive, uploader } = await driveSandbox()
    sandbox.setFaults({
      'drive.permissions': { kind: 'status', status: 400, reason: 'invalidSharingRequest' },
      'drive.delete': [{ kind: 'status', status: 500 }, null],
    })
    const context = stageContext()
    expect(await rejection(uploader.upload(fakeSource(), context))).toBeInstanceOf(ConfigurationError)
    expect([drive.files.size, context.warnings]).toEqual([0, []])
  })

  test('a file that could not be deleted is reported', async () => {
    const { sandbox, drive, uploader } = await driveSandbox()
    sandbox.setFaults({
      'drive.permissions': { kind: 'status', status: 400, reason: 'invalidSharingRequest' },
      'drive.delete': { kind: 'status', status: 500 },
    })
    const context = stageContext()
    expect(await rejection(uploader.upload(fakeSource(), context))).toBeInstanceOf(ConfigurationError)
    const [id] = drive.files.keys()
    expect(context.warnings).toEqual([
      { code: 'upload-left-behind', message: `Could not remove the unfinished upload from Google Drive: ${id}` },
    ])
  })

  test.each([
    ['another origin', { location: 'http://127.0.0.1:9/upload?upload_id=1' }, false],
    ['no address', {}, true],
    ['no address that can be read', { location: 'http://[' }, true],
  ])('no byte goes to a session at %s', async (_, headers, isRetryable) => {
    const { sandbox, uploader } = await driveSandbox({ maxAttempts: 2 })
    sandbox.setFaults({ 'drive.create': { kind: 'status', status: 200, body: '', headers } })
    const error = await rejection(uploader.upload(fakeSource(), stageContext()))
    expect(error).toMatchObject({ code: 'upstream-response', isRetryable })
    expect(countOf(sandbox, 'drive.create')).toBe(isRetryable ? 2 : 1)
    expect(countOf(sandbox, 'drive.upload')).toBe(0)
  })

  test('an id that stays taken without a file is given up', async () => {
    const { sandbox, uploader } = await driveSandbox()
    sandbox.setFaults({ 'drive.create': { kind: 'status', status: 409 } })
    const error = await rejection(uploader.upload(fakeSource(), stageContext()))
    expect(error).toMatchObject({ code: 'upstream-response' })
    expect(countOf(sandbox, 'drive.get')).toBe(3)
  })

  test.each<[string, string]>([
    ['another file', '{"id":"other","size":"1000"}'],
    ['no size', '{"id":"1"}'],
    ['invalid JSON', 'OK'],
  ])('an answer with %s is requested again', async (_, body) => {
    const { sandbox, drive, uploader } = await driveSandbox({ maxAttempts: 2 })
    sandbox.setFaults({ 'drive.upload': { kind: 'status', status: 200, body } })
    const error = await rejection(uploader.upload(fakeSource(), stageContext()))
    expect(error).toMatchObject({ code: 'upstream-response' })
    expect(countOf(sandbox, 'drive.get')).toBe(2)
    expect(drive.files.size).toBe(0)
  })

  test('a file that is read as something else is requested again', async () => {
    const { sandbox, uploader } = await driveSandbox({ maxAttempts: 2 })
    sandbox.setFaults({ 'drive.upload': [{ kind: 'truncated-json' }], 'drive.get': [{ kind: 'html' }] })
    await uploader.upload(fakeSource(), stageContext())
    expect(countOf(sandbox, 'drive.get')).toBe(2)
  })

  test('a file without a checksum and a page is compared by length, and the page is made of the id', async () => {
    const { sandbox, uploader } = await driveSandbox({ fetch: withoutFields })
    const { url, id } = await uploader.upload(fakeSource(), stageContext())
    expect(url).toBe(`https://drive.google.com/file/d/${id}/view`)
    expect(countOf(sandbox, 'drive.upload')).toBe(1)
  })

  test('the page is the one that Drive names, without the parameters that reveal where it was opened', async () => {
    const page = 'https://docs.example/file/d/1/view'
    const pages: typeof fetch = async (input, init) => {
      const response = await fetch(input, init)
      if (init?.method !== 'PUT' || response.status !== 200) return response
      return Response.json({ ...((await response.json()) as object), webViewLink: `${page}?usp=drivesdk` })
    }
    const { uploader } = await driveSandbox({ fetch: pages })
    expect(await uploader.upload(fakeSource(), stageContext())).toMatchObject({ url: page })
  })

  test('a closed port is a network error', async () => {
    const { uploader } = await driveSandbox({ baseUrl: await deadOrigin(), maxAttempts: 2 })
    const context = stageContext()
    expect(await rejection(uploader.upload(fakeSource(), context))).toMatchObject({ code: 'network' })
    expect(context.clock.waits.length).toBe(1)
  })

  const faults: readonly Fault[] = [
    ...[400, 401, 403, 404, 409, 410, 429, 500, 503].map((status): Fault => ({ kind: 'status', status })),
    ...['storageQuotaExceeded', 'insufficientPermissions', 'notFound'].map(
      (reason): Fault => ({ kind: 'status', status: 403, reason }),
    ),
    { kind: 'rate-limit', retryAfterSeconds: 1 },
    { kind: 'hang' },
    { kind: 'hang-body' },
    { kind: 'reset' },
    { kind: 'reset', when: 'in-body' },
    { kind: 'truncated-json' },
    { kind: 'html' },
    { kind: 'wrong-length', extraBytes: 5 },
    { kind: 'cut-upload', afterBytes: 3 },
  ]
  // What it takes to reach an endpoint.
  const occasions: Readonly<Record<string, Partial<Record<SandboxEndpoint, Fault>>>> = {
    'drive.generate-ids': {},
    'drive.create': {},
    'drive.upload': {},
    'drive.permissions': {},
    'drive.session': { 'drive.upload': { kind: 'reset' } },
    'drive.get': { 'drive.upload': { kind: 'truncated-json' } },
    'drive.delete': { 'drive.permissions': { kind: 'status', status: 400 } },
  }

  test.each(Object.entries(occasions))('%s: no fault shows the token or a session', async (endpoint, occasion) => {
    for (const fault of faults) {
      const { sandbox, drive, uploader } = await driveSandbox({ fetch: echoing, maxAttempts: 2, timeoutMs: 50 })
      sandbox.setFaults({ ...occasion, [endpoint]: fault })
      const context = stageContext()
      const outcome: unknown = await uploader.upload(fakeSource(), context).catch((error: unknown) => {
        expect(isSoraPipelineError(error), `${fault.kind}: ${inspect(error)}`).toBe(true)
        return error
      })
      const sessions = sandbox.requests.flatMap(({ path }) => /upload_id=([^&]+)/.exec(path)?.[1] ?? [])
      const seen = [outcome, context.reports, context.warnings]
      const texts = [...seen.map((value) => JSON.stringify(value)), inspect(seen, { depth: 12 }), String(outcome)]
      for (const secret of [drive.accessToken, ...sessions]) {
        expect(
          texts.filter((text) => text.includes(secret)),
          `${endpoint} ${inspect(fault)}`,
        ).toEqual([])
      }
    }
  })
})

/** A Drive, or a proxy before it, that echoes the request in every refusal. */
const echoing: typeof fetch = async (input, init) => {
  const response = await fetch(input, init)
  if (response.ok) return response
  const said = await response.text()
  const sent = `${String(input)} ${new Headers(init?.headers).get('authorization')}`
  const body = said.startsWith('{') ? said.replace(/"message":\s*"/g, `$&${sent} `) : `${said} ${sent}`
  return new Response(response.status === 308 ? null : body, { status: response.status, headers: response.headers })
}

const withoutFields: typeof fetch = async (input, init) => {
  const response = await fetch(input, init)
  if (init?.method !== 'PUT' || response.status !== 200) return response
  const { id, size } = (await response.json()) as { readonly id: string; readonly size: string }
  return Response.json({ id, size })
}
