import { createHash, randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fileResource } from '../../../src/sandbox/drive/file-resource.js'
import { sandboxDrive } from '../../../src/sandbox/drive/sandbox-drive.js'
import type { Sandbox } from '../../../src/sandbox/sandbox.js'
import { startSandbox } from '../../../src/sandbox/start-sandbox.js'
import { callJson } from '../call-json.js'

const UNIT = 262_144
const bytes = randomBytes(2 * UNIT + 100)
const total = bytes.length
const md5 = createHash('md5').update(bytes).digest('hex')

let sandbox: Sandbox
beforeEach(async () => {
  sandbox = await startSandbox()
})
afterEach(() => sandbox.close())

const call = (path: string, init: Parameters<typeof callJson>[1] = {}) => {
  const { baseUrl, accessToken } = sandbox.drive
  const url = path.startsWith('http') ? path : `${baseUrl}${path}`
  return callJson(url, { ...init, headers: { authorization: `Bearer ${accessToken}`, ...init.headers } })
}

const open = async (metadata: object = {}, headers: Record<string, string> = {}, query = '') => {
  const body = { name: 'a.mp4', parents: [sandbox.drive.folderId], ...metadata }
  const path = `/upload/drive/v3/files?uploadType=resumable${query}`
  const announced = { 'x-upload-content-type': 'video/mp4', 'x-upload-content-length': String(total), ...headers }
  return call(path, { method: 'POST', body, headers: announced })
}

const openUri = async (...about: Parameters<typeof open>) => (await open(...about)).headers.get('location') ?? ''

const put = (uri: string, range: string | undefined, data: Uint8Array, headers: Record<string, string> = {}) => {
  const all = { ...(range !== undefined && { 'content-range': range }), ...headers }
  return callJson(uri, { method: 'PUT', body: data, headers: all })
}

const store = async (metadata: object = {}, query = '') => {
  const uri = await openUri(metadata, {}, query)
  return (await put(uri, `bytes 0-${total - 1}/${total}`, bytes)).json as { readonly id: string }
}

const reasonOf = ({ status, json }: { status: number; json: unknown }) => {
  const { error } = json as { error: { code: number; errors: readonly { reason: string }[] } }
  return [status, error.code, error.errors[0]?.reason]
}

describe('a resumable upload', () => {
  it('goes part by part, reports its progress, and ends with the requested fields', async () => {
    const [id] = ((await call('/drive/v3/files/generateIds?count=1')).json as { ids: string[] }).ids
    const opened = await open({ id }, {}, '&fields=id,name,md5Checksum,size,webViewLink,webContentLink,parents')
    expect([opened.status, opened.text]).toEqual([200, ''])
    const uri = opened.headers.get('location') ?? ''
    expect(uri).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/upload\/drive\/v3\/files\?uploadType=resumable&upload_id=./)
    const asked = await put(uri, `bytes */${total}`, new Uint8Array())
    expect([asked.status, asked.headers.get('range')]).toEqual([308, null])
    const first = await put(uri, `bytes 0-${UNIT - 1}/${total}`, bytes.subarray(0, UNIT))
    expect([first.status, first.headers.get('range')]).toEqual([308, `bytes=0-${UNIT - 1}`])
    const again = await put(uri, 'bytes */*', new Uint8Array())
    expect([again.status, again.headers.get('range')]).toEqual([308, `bytes=0-${UNIT - 1}`])
    const last = await put(uri, `bytes ${UNIT}-${total - 1}/${total}`, bytes.subarray(UNIT))
    expect([last.status, last.json]).toEqual([
      200,
      {
        id,
        name: 'a.mp4',
        md5Checksum: md5,
        size: String(total),
        webViewLink: `https://drive.google.com/file/d/${id}/view`,
        webContentLink: `https://drive.google.com/uc?id=${id}&export=download`,
        parents: [sandbox.drive.folderId],
      },
    ])
    expect((await put(uri, `bytes */${total}`, new Uint8Array())).json).toEqual(last.json)
    expect((await put(uri, `bytes ${UNIT}-${total - 1}/${total}`, bytes.subarray(UNIT))).json).toEqual(last.json)
    expect(sandbox.drive.files.get(id ?? '')).toMatchObject({ byteLength: total, md5, mediaType: 'video/mp4' })
    expect(sandbox.requests.map(({ endpoint }) => endpoint)).toEqual([
      'drive.generate-ids',
      'drive.create',
      'drive.session',
      'drive.upload',
      'drive.session',
      'drive.upload',
      'drive.session',
      'drive.upload',
    ])
    expect(sandbox.requestsTo('drive.upload')[0]?.body).toEqual({ byteLength: UNIT })
  })

  it('learns its length at the end, from the last part or from a status request', async () => {
    const whole = await openUri({}, { 'x-upload-content-length': '' })
    expect(whole).toBe('')
    const open2 = async () => {
      const path = '/upload/drive/v3/files?uploadType=resumable'
      return (await call(path, { method: 'POST' })).headers.get('location') ?? ''
    }
    const uri = await open2()
    expect((await put(uri, `bytes 0-${UNIT - 1}/*`, bytes.subarray(0, UNIT))).status).toBe(308)
    expect((await put(uri, `bytes ${UNIT}-${total - 1}/${total}`, bytes.subarray(UNIT))).status).toBe(200)
    const other = await open2()
    expect((await put(other, `bytes 0-${UNIT - 1}/*`, bytes.subarray(0, UNIT))).status).toBe(308)
    const ended = await put(other, `bytes */${UNIT}`, new Uint8Array())
    expect(ended.json).toMatchObject({ name: 'Untitled', mimeType: 'application/octet-stream' })
    const empty = await open2()
    expect((await put(empty, 'bytes */0', new Uint8Array())).status).toBe(200)
  })

  it('takes the whole file in one request without a range, but no rest', async () => {
    expect((await put(await openUri(), undefined, bytes)).status).toBe(200)
    const uri = await openUri()
    await put(uri, `bytes 0-${UNIT - 1}/${total}`, bytes.subarray(0, UNIT))
    expect(reasonOf(await put(uri, undefined, bytes.subarray(UNIT)))).toEqual([400, 400, 'badRequest'])
  })

  it('leaves out bytes that it has, and refuses a gap', async () => {
    const uri = await openUri()
    await put(uri, `bytes 0-${UNIT - 1}/${total}`, bytes.subarray(0, UNIT))
    expect((await put(uri, `bytes 0-${2 * UNIT - 1}/${total}`, bytes.subarray(0, 2 * UNIT))).status).toBe(308)
    const gap = await put(await openUri(), `bytes ${UNIT}-${total - 1}/${total}`, bytes.subarray(UNIT))
    expect(reasonOf(gap)).toEqual([400, 400, 'badRequest'])
    expect((await put(uri, `bytes ${2 * UNIT}-${total - 1}/${total}`, bytes.subarray(2 * UNIT))).json).toMatchObject({
      name: 'a.mp4',
    })
    expect([...sandbox.drive.files.values()].map((file) => file.md5)).toEqual([md5])
  })

  it.each([
    ['no multiple', `bytes 0-99/${total}`, 100],
    ['another length than the body', `bytes 0-${UNIT - 1}/${total}`, 100],
    ['another total', `bytes 0-99/100`, 100],
    ['an unreadable range', 'bytes 0-99', 100],
    ['an unreadable question', 'bytes */x', 0],
    ['a question with another total', 'bytes */3', 0],
  ])('refuses a part with %s', async (_, range, length) => {
    const uri = await openUri()
    expect(reasonOf(await put(uri, range, bytes.subarray(0, length)))).toEqual([400, 400, 'badRequest'])
    expect((await put(uri, 'bytes */*', new Uint8Array())).headers.get('range')).toBeNull()
  })

  it.each([10, UNIT + 1])('refuses a chunked body with other bytes than its range: %d', async (length) => {
    const uri = await openUri()
    const answer = await fetch(uri, {
      method: 'PUT',
      headers: { 'content-range': `bytes 0-${UNIT - 1}/${total}` },
      body: ReadableStream.from([bytes.subarray(0, length)]),
      duplex: 'half',
    } as RequestInit)
    expect(answer.status).toBe(400)
  })

  it('replaces the bytes of a file, which keeps its id and its permissions', async () => {
    const { id } = await store()
    await call(`/drive/v3/files/${id}/permissions`, { method: 'POST', body: { role: 'reader', type: 'anyone' } })
    const path = `/upload/drive/v3/files/${id}?uploadType=resumable`
    const uri = (await call(path, { method: 'PATCH', body: {} })).headers.get('location') ?? ''
    const answer = await put(uri, `bytes 0-9/10`, bytes.subarray(0, 10))
    expect(answer.json).toMatchObject({ id, name: 'a.mp4', mimeType: 'video/mp4' })
    expect(sandbox.drive.files.get(id)).toMatchObject({ byteLength: 10, permissions: [{ type: 'anyone' }] })
    const late = (await call(path, { method: 'PATCH', body: { name: 'b' } })).headers.get('location') ?? ''
    await call(`/drive/v3/files/${id}`, { method: 'DELETE' })
    expect(reasonOf(await put(late, `bytes 0-9/10`, bytes.subarray(0, 10)))).toEqual([404, 404, 'notFound'])
    expect(reasonOf(await call(path, { method: 'PATCH', body: {} }))).toEqual([404, 404, 'notFound'])
  })

  it('is ended by its client, by its age, and by an invalid request', async () => {
    const uri = await openUri()
    expect((await callJson(uri, { method: 'DELETE' })).status).toBe(499)
    expect((await callJson(uri, { method: 'DELETE' })).status).toBe(404)
    expect((await put(uri, `bytes */${total}`, new Uint8Array())).status).toBe(404)
    const old = await openUri()
    sandbox.drive.expireSessions()
    expect(reasonOf(await put(old, `bytes 0-${total - 1}/${total}`, bytes))).toEqual([404, 404, 'notFound'])
  })
})

describe('requests that are refused before an upload', () => {
  it.each([
    ['a folder that is not there', { parents: ['nobody'] }, [404, 404, 'notFound']],
    ['two folders', { parents: ['root', 'root'] }, [400, 400, 'invalid']],
    ['folders in a text', { parents: 'root' }, [400, 400, 'invalid']],
    ['its own id', { id: 'mine' }, [400, 400, 'invalid']],
    ['a name that is not a string', { name: 5 }, [400, 400, 'invalid']],
    ['a type that is not a string', { mimeType: 5 }, [400, 400, 'invalid']],
  ])('%s', async (_, metadata, expected) => {
    expect(reasonOf(await open(metadata))).toEqual(expected)
  })

  it('an id that is used, before and after the bytes', async () => {
    const { ids } = (await call('/drive/v3/files/generateIds?count=2')).json as { ids: string[] }
    const slow = await openUri({ id: ids[0] })
    await store({ id: ids[0] })
    const used = [409, 409, 'fileIdInUse']
    expect(reasonOf(await open({ id: ids[0] }))).toEqual(used)
    expect(reasonOf(await put(slow, `bytes 0-${total - 1}/${total}`, bytes))).toEqual(used)
    expect(sandbox.drive.files.size).toBe(1)
  })

  it('another kind of upload, metadata that are not JSON, invalid fields and lengths', async () => {
    const path = '/upload/drive/v3/files'
    expect(reasonOf(await call(path, { method: 'POST', body: {} }))).toEqual([400, 400, 'badRequest'])
    const text = await call(`${path}?uploadType=resumable`, { method: 'POST', body: 'name=a' })
    expect(reasonOf(text)).toEqual([400, 400, 'parseError'])
    expect(reasonOf(await open({}, {}, '&fields=id,link'))).toEqual([400, 400, 'invalidParameter'])
    expect(reasonOf(await open({}, { 'x-upload-content-length': '-1' }))).toEqual([400, 400, 'badRequest'])
  })

  it('more bytes than the quota has, at the announcement, at a part and at the end', async () => {
    const noRoom = [403, 403, 'storageQuotaExceeded']
    const early = await openUri()
    const small = await openUri()
    await put(small, `bytes 0-${UNIT - 1}/${total}`, bytes.subarray(0, UNIT))
    sandbox.drive.setQuota(UNIT + 5)
    expect(reasonOf(await open())).toEqual(noRoom)
    expect(reasonOf(await put(early, `bytes 0-${total - 1}/${total}`, bytes))).toEqual(noRoom)
    const silent = await call('/upload/drive/v3/files?uploadType=resumable', { method: 'POST', body: {} })
    const uri = silent.headers.get('location') ?? ''
    await put(uri, `bytes 0-${UNIT - 1}/*`, bytes.subarray(0, UNIT))
    sandbox.drive.setQuota(5)
    expect(reasonOf(await put(uri, `bytes */${UNIT}`, new Uint8Array()))).toEqual(noRoom)
  })

  it('an expired token, everywhere; a session needs none', async () => {
    const { id } = await store()
    const uri = await openUri()
    const { accessToken } = sandbox.drive
    sandbox.drive.expireToken()
    expect(sandbox.drive.accessToken).not.toBe(accessToken)
    const headers = { authorization: `Bearer ${accessToken}` }
    const answers = await Promise.all([
      call('/drive/v3/files/generateIds', { headers }),
      open({}, headers),
      put(uri, `bytes 0-${total - 1}/${total}`, bytes, headers),
      put(uri, `bytes */${total}`, new Uint8Array(), headers),
      call(`/drive/v3/files/${id}`, { headers }),
      callJson(`${sandbox.drive.baseUrl}/drive/v3/files/${id}`),
      call(`/drive/v3/files/${id}/permissions`, { method: 'POST', headers }),
      call(`/drive/v3/files/${id}`, { method: 'DELETE', headers }),
    ])
    for (const answer of answers) expect(reasonOf(answer)).toEqual([401, 401, 'authError'])
    expect((await put(uri, `bytes 0-${total - 1}/${total}`, bytes)).status).toBe(200)
  })
})

describe('files', () => {
  it('are read, created without bytes, and deleted', async () => {
    const { id } = await store()
    expect((await call(`/drive/v3/files/${id}`)).json).toEqual({
      kind: 'drive#file',
      id,
      name: 'a.mp4',
      mimeType: 'video/mp4',
    })
    const all = (await call(`/drive/v3/files/${id}?fields=*`)).json
    expect(all).toMatchObject({ md5Checksum: md5, shared: false, trashed: false, permissions: [] })
    const some = await call(`/drive/v3/files/${id}?fields=size, permissions(id,role)`)
    expect(some.json).toEqual({ size: String(total), permissions: [] })
    expect(reasonOf(await call(`/drive/v3/files/${id}?fields=nothing`))).toEqual([400, 400, 'invalidParameter'])
    const folder = await call('/drive/v3/files', {
      method: 'POST',
      body: { name: 'videos', mimeType: 'application/vnd.google-apps.folder' },
    })
    const inside = await store({ parents: [(folder.json as { id: string }).id] }, '&fields=id')
    expect(sandbox.drive.files.get(inside.id)?.parents).toEqual([(folder.json as { id: string }).id])
    expect(reasonOf(await call('/drive/v3/files', { method: 'POST', body: { parents: ['x'] } }))[0]).toBe(404)
    expect([(await call(`/drive/v3/files/${id}`, { method: 'DELETE' })).status]).toEqual([204])
    expect(reasonOf(await call(`/drive/v3/files/${id}`, { method: 'DELETE' }))[0]).toBe(404)
    expect(reasonOf(await call(`/drive/v3/files/${id}`))[0]).toBe(404)
    expect((await call('/drive/v3/about')).status).toBe(404)
  })

  it('get ids in any number from 1 to 1000', async () => {
    const ten = (await call('/drive/v3/files/generateIds')).json as { ids: string[] }
    expect(new Set(ten.ids).size).toBe(10)
    for (const count of ['0', '1001', 'x']) {
      expect(reasonOf(await call(`/drive/v3/files/generateIds?count=${count}`))[2]).toBe('invalidParameter')
    }
  })

  it('are public once anyone may read them', async () => {
    const { id } = await store()
    const permit = (body: object) => call(`/drive/v3/files/${id}/permissions`, { method: 'POST', body })
    expect((await fetch(sandbox.drive.fileUrl(id))).status).toBe(403)
    expect(reasonOf(await permit({ role: 'king', type: 'anyone' }))[2]).toBe('invalid')
    expect(reasonOf(await permit({ role: 'reader', type: 'user' }))[2]).toBe('invalid')
    expect(reasonOf(await permit([]))[2]).toBe('invalid')
    await permit({ role: 'writer', type: 'user', emailAddress: 'a@example.com' })
    await permit({ role: 'writer', type: 'anyone' })
    const answer = await permit({ role: 'reader', type: 'anyone' })
    expect(answer.json).toMatchObject({
      kind: 'drive#permission',
      id: 'anyoneWithLink',
      type: 'anyone',
      role: 'reader',
    })
    expect(sandbox.drive.files.get(id)?.permissions).toMatchObject([
      { type: 'user' },
      { type: 'anyone', role: 'reader' },
    ])
    const file = await fetch(sandbox.drive.fileUrl(id))
    expect([file.status, file.headers.get('content-type')]).toEqual([200, 'video/mp4'])
    expect(Buffer.from(await file.arrayBuffer())).toEqual(bytes)
    const part = await fetch(`${sandbox.drive.baseUrl}/uc?id=${id}`, { headers: { range: 'bytes=0-3' } })
    expect([part.status, Buffer.from(await part.arrayBuffer())]).toEqual([206, bytes.subarray(0, 4)])
    expect((await fetch(sandbox.drive.fileUrl('x'), { method: 'HEAD' })).status).toBe(404)
    expect((await fetch(`${sandbox.drive.baseUrl}/uc`)).status).toBe(404)
  })

  it('that are too long are known only by length and hash', () => {
    const { store, keepBytes } = sandboxDrive(3)
    const [id = ''] = store.generateIds(1)
    const about = { id, name: 'a', mediaType: 'video/mp4', parents: [] }
    const file = store.add(about, { byteLength: 4, md5: 'x', sha256: 'y' })
    const known = { size: '4', md5Checksum: 'x', sha256Checksum: 'y' }
    expect([keepBytes, fileResource(file, 'size,md5Checksum,sha256Checksum')]).toEqual([3, known])
  })
})

describe('faults', () => {
  it('a cut part counts in whole units; a cut after its end counts whole', async () => {
    const uri = await openUri()
    sandbox.setFaults({ 'drive.upload': [{ kind: 'cut-upload', afterBytes: UNIT + 9 }] })
    await expect(put(uri, `bytes 0-${total - 1}/${total}`, bytes)).rejects.toThrow('fetch failed')
    const range = async () => (await put(uri, `bytes */${total}`, new Uint8Array())).headers.get('range')
    expect(await range()).toBe(`bytes=0-${UNIT - 1}`)
    sandbox.setFaults({ 'drive.upload': [{ kind: 'cut-upload', afterBytes: 0 }] })
    await expect(put(uri, `bytes ${UNIT}-${total - 1}/${total}`, bytes.subarray(UNIT))).rejects.toThrow('fetch failed')
    expect(await range()).toBe(`bytes=0-${UNIT - 1}`)
    sandbox.setFaults({ 'drive.upload': [{ kind: 'cut-upload', afterBytes: total }] })
    await expect(put(uri, `bytes ${UNIT}-${total - 1}/${total}`, bytes.subarray(UNIT))).rejects.toThrow('fetch failed')
    expect((await put(uri, `bytes */${total}`, new Uint8Array())).json).toMatchObject({ name: 'a.mp4' })
    expect(sandbox.requestsTo('drive.upload').map(({ fault, wasAborted }) => [fault, wasAborted])).toEqual([
      ['cut-upload', false],
      ['cut-upload', false],
      ['cut-upload', false],
    ])
  })

  it('no byte of a part counts whose handling was replaced by an answer, and all of one whose answer is lost', async () => {
    const uri = await openUri()
    const first = () => put(uri, `bytes 0-${UNIT - 1}/${total}`, bytes.subarray(0, UNIT))
    const stored = async () => (await put(uri, `bytes */${total}`, new Uint8Array())).headers.get('range')
    sandbox.setFaults({ 'drive.upload': [{ kind: 'status', status: 503 }, { kind: 'reset' }] })
    expect(reasonOf(await first())).toEqual([503, 503, 'backendError'])
    await expect(first()).rejects.toThrow('fetch failed')
    expect(await stored()).toBeNull()
    expect(sandbox.requestsTo('drive.upload')[1]?.body).toEqual({ byteLength: UNIT })
    sandbox.setFaults({ 'drive.upload': [{ kind: 'reset', when: 'after-handling' }] })
    await expect(first()).rejects.toThrow('fetch failed')
    expect(await stored()).toBe(`bytes=0-${UNIT - 1}`)
  })

  it('a client that leaves in the middle of a part leaves whole units behind', async () => {
    const uri = await openUri()
    const { host, port, pathname, search } = new URL(uri)
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(
      `PUT ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\ncontent-length: ${total}\r\ncontent-range: bytes 0-${total - 1}/${total}\r\n\r\n`,
    )
    await new Promise<void>((resolve) => socket.write(bytes.subarray(0, UNIT + 1), () => resolve()))
    const range = async () => (await put(uri, `bytes */${total}`, new Uint8Array())).headers.get('range')
    while ((await range()) === null) await new Promise((resolve) => setImmediate(resolve))
    socket.destroy()
    while (sandbox.requestsTo('drive.upload')[0]?.wasAborted !== true) await new Promise((go) => setImmediate(go))
    expect(await range()).toBe(`bytes=0-${UNIT - 1}`)
  })

  it.each([
    ['rate-limit', { kind: 'rate-limit', retryAfterSeconds: 3 }, [429, 429, 'rateLimitExceeded']],
    ['no reason', { kind: 'status', status: 403 }, [403, 403, 'userRateLimitExceeded']],
    ['a reason', { kind: 'status', status: 403, reason: 'storageQuotaExceeded' }, [403, 403, 'storageQuotaExceeded']],
    ['a foreign reason', { kind: 'status', status: 500, reason: 'internalError' }, [500, 500, 'internalError']],
  ] as const)('answers in the form of Google: %s', async (_, fault, expected) => {
    sandbox.setFaults({ 'drive.create': fault })
    expect(reasonOf(await open())).toEqual(expected)
  })
})
