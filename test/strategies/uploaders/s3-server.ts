import { createHash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { checkSignature, type ServerKeys } from './s3-request-check.js'

/** What a request is, by method and query. */
export type S3Operation = 'head' | 'get' | 'put' | 'delete' | 'create' | 'part' | 'complete' | 'abort' | 'list'

/** How one request fails. */
export type S3Fault =
  | {
      readonly kind: 'error'
      readonly status: number
      readonly code: string
      readonly headers?: Record<string, string>
    }
  /** Reset after so many bytes of its body. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** Done, but the answer is lost. */
  | { readonly kind: 'lost' }
  /** Reads nothing, answers nothing. */
  | { readonly kind: 'hang' }
  /** Refused with everything that was sent, and the key that signed it. */
  | { readonly kind: 'echo'; readonly status: number }
  /** Never answered, and done when so many further requests of the given kind have come. */
  | { readonly kind: 'late'; readonly after: number; readonly of: S3Operation }
  /** A page to sign in, under a status of success. */
  | { readonly kind: 'page' }
  /** Answered with a status of success and this body, and not done. */
  | { readonly kind: 'says'; readonly body: string }

/** An object as it is stored. */
export interface StoredObject {
  /** Empty in a server that keeps no bytes. */
  readonly bytes: Buffer
  readonly byteLength: number
  readonly etag: string
  readonly headers: IncomingMessage['headers']
}

/** How a server differs from AWS. */
export interface S3ServerOptions {
  readonly keys?: Partial<ServerKeys>
  /** Whether `If-None-Match` is honoured, ignored, or refused with `NotImplemented`. */
  readonly conditions?: 'honoured' | 'ignored' | 'refused'
  /** Whether ETags are digests of the bytes, as without a key management service. */
  readonly encryption?: 'aws:kms' | undefined
  /** Whether HEAD is refused, as to keys that may only write. */
  readonly isWriteOnly?: boolean
  readonly keepsBytes?: boolean
  /** Whether it stores what it has of an unsigned stream that is cut, as versitygw does. */
  readonly keepsCutStreams?: boolean
  /** By how much its clock is ahead, in milliseconds. */
  readonly aheadMs?: number
}

interface MultipartUpload {
  readonly key: string
  readonly headers: IncomingMessage['headers']
  readonly parts: Map<number, { readonly md5: string; readonly bytes: Buffer; readonly byteLength: number }>
}

export const BUCKET = 'videos'
export const KEYS = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  region: 'eu-central-1',
}

/**
 * An S3 store on loopback that checks every signature, digest and condition, for one bucket in path style. It ends with the test.
 */
export async function s3Server(options: S3ServerOptions = {}) {
  const {
    conditions = 'honoured',
    encryption,
    isWriteOnly = false,
    keepsBytes = true,
    keepsCutStreams = false,
    aheadMs = 0,
  } = options
  const keys: ServerKeys = { ...KEYS, ...options.keys }
  const objects = new Map<string, StoredObject>()
  const uploads = new Map<string, MultipartUpload>()
  const requests: string[] = []
  const whole: string[] = []
  const faults = new Map<S3Operation, (S3Fault | null)[]>()
  const countOf = (operation: S3Operation) => requests.filter((each) => each === operation).length
  let removed = 0

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://store')
    const operation = operationOf(request.method ?? '', url)
    const fault = faults.get(operation)?.shift() ?? undefined
    requests.push(operation)
    if (fault?.kind === 'hang') return
    const isKept = keepsCutStreams && request.headers['x-amz-content-sha256'] === 'UNSIGNED-PAYLOAD'
    const body = await readBody(request, fault, { keepsBytes, isKept })
    if (body === undefined) return
    whole.push(operation)
    const refuse = (status: number, code: string, headers: Record<string, string> = {}) =>
      send(status, `<Error><Code>${code}</Code><Message>what ${code} means</Message></Error>`, headers)
    const send = (status: number, text = '', headers: Record<string, string> = {}) => {
      if (fault?.kind === 'lost') return void request.socket.resetAndDestroy()
      const date = new Date(Date.now() + aheadMs).toUTCString()
      response.writeHead(status, { date, ...headers }).end(request.method === 'HEAD' ? undefined : text)
    }
    if (fault?.kind === 'error') return refuse(fault.status, fault.code, fault.headers)
    if (fault?.kind === 'echo') {
      const said = `you sent ${JSON.stringify(request.headers).replaceAll('"', '&quot;')} signed with ${keys.secretAccessKey}`
      return send(fault.status, `<Error><Code>InvalidRequest</Code><Message>${said}</Message></Error>`)
    }
    if (fault?.kind === 'page') return send(200, '<html>Please sign in</html>', { 'content-type': 'text/html' })
    if (fault?.kind === 'says') return send(200, fault.body)
    const checked = checkSignature(
      { method: request.method ?? '', url: request.url ?? '', headers: request.headers },
      keys,
      Date.now() + aheadMs,
    )
    if ('code' in checked) return refuse(checked.code === 'AuthorizationHeaderMalformed' ? 400 : 403, checked.code)
    if (checked.hash !== 'UNSIGNED-PAYLOAD' && checked.hash !== body.sha256)
      return refuse(400, 'XAmzContentSHA256Mismatch')
    const md5 = request.headers['content-md5']
    if (md5 !== undefined && md5 !== Buffer.from(body.md5, 'hex').toString('base64')) return refuse(400, 'BadDigest')
    const [, bucket, ...path] = url.pathname.split('/').map(decodeURIComponent)
    if (bucket !== BUCKET) return refuse(404, 'NoSuchBucket')
    const key = path.join('/')
    const wantsNew = request.headers['if-none-match'] === '*'
    if (wantsNew && conditions === 'refused') return refuse(501, 'NotImplemented')
    const isTaken = wantsNew && conditions === 'honoured' && objects.has(key)
    const seal: Record<string, string> = encryption === undefined ? {} : { 'x-amz-server-side-encryption': encryption }
    const etagOf = (digest: string) =>
      encryption === undefined ? `"${digest}"` : `"${randomUUID().replaceAll('-', '')}"`
    const uploadId = url.searchParams.get('uploadId') ?? ''
    const upload = uploads.get(uploadId)

    if (fault?.kind === 'late') {
      const goal = countOf(fault.of) + fault.after
      while (countOf(fault.of) < goal) await setTimeout(2)
    }

    switch (operation) {
      case 'head':
      case 'get': {
        if (operation === 'head' && isWriteOnly) return refuse(403, 'AccessDenied')
        const object = objects.get(key)
        if (object === undefined) return refuse(404, 'NoSuchKey')
        const type = String(object.headers['content-type'])
        response.writeHead(200, {
          etag: object.etag,
          'content-length': object.byteLength,
          'content-type': type,
          ...metadataOf(object.headers),
          ...seal,
        })
        return void response.end(operation === 'head' ? undefined : object.bytes)
      }
      case 'put': {
        if (isTaken) return refuse(412, 'PreconditionFailed')
        const etag = etagOf(body.md5)
        objects.set(key, { bytes: body.bytes, byteLength: body.byteLength, etag, headers: request.headers })
        return send(200, '', { etag, ...seal })
      }
      case 'delete':
        removed += objects.delete(key) ? 1 : 0
        return send(204)
      case 'create': {
        const id = `${randomUUID()}+/=`
        uploads.set(id, { key, headers: request.headers, parts: new Map() })
        return send(200, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`)
      }
      case 'part': {
        if (upload === undefined) return refuse(404, 'NoSuchUpload')
        const number = Number(url.searchParams.get('partNumber'))
        upload.parts.set(number, { md5: body.md5, bytes: body.bytes, byteLength: body.byteLength })
        return send(200, '', { etag: etagOf(body.md5), ...seal })
      }
      case 'complete': {
        if (upload === undefined) return refuse(404, 'NoSuchUpload')
        if (isTaken) return refuse(412, 'PreconditionFailed')
        const parts = [...upload.parts].sort(([a], [b]) => a - b)
        const small = parts.slice(0, -1).find(([, { byteLength }]) => byteLength < 5_242_880)
        const named = [...body.bytes.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>([^<]+)<\/ETag>/g)]
        if (small !== undefined) return refuse(400, 'EntityTooSmall')
        const isRight = named.every(([, number, etag], index) => Number(number) === index + 1 && etag?.length)
        if (!isRight || named.length !== parts.length) return refuse(400, 'InvalidPart')
        const digest = createHash('md5')
        for (const [, { md5: part }] of parts) digest.update(part, 'hex')
        const etag = etagOf(`${digest.digest('hex')}-${parts.length}`)
        const bytes = Buffer.concat(parts.map(([, part]) => part.bytes))
        const byteLength = parts.reduce((sum, [, part]) => sum + part.byteLength, 0)
        objects.set(key, { bytes, byteLength, etag, headers: upload.headers })
        uploads.delete(uploadId)
        const quoted = etag.replaceAll('"', '&quot;')
        return send(200, `<CompleteMultipartUploadResult><ETag>${quoted}</ETag></CompleteMultipartUploadResult>`, seal)
      }
      case 'abort':
        return uploads.delete(uploadId) ? send(204) : refuse(404, 'NoSuchUpload')
      case 'list': {
        const prefix = url.searchParams.get('prefix') ?? ''
        const found = [...uploads].filter(([, { key: at }]) => at.startsWith(prefix))
        const texts = found.map(([id, { key: at }]) => `<Upload><Key>${at}</Key><UploadId>${id}</UploadId></Upload>`)
        return send(200, `<ListMultipartUploadsResult>${texts.join('')}</ListMultipartUploadsResult>`)
      }
    }
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy())
  })
  server.on('connection', (socket) => socket.on('error', () => undefined))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    endpoint,
    /** Options of an uploader to this server. */
    connection: { endpoint, bucket: BUCKET, ...KEYS },
    objects,
    uploads,
    /** The operations that were asked for, in order. */
    requests: requests as readonly string[],
    countOf,
    /** How many requests of an operation have come with their whole body. */
    wholeOf: (operation: S3Operation) => whole.filter((each) => each === operation).length,
    get removed() {
      return removed
    },
    /** How the next requests of an operation fail, one after the other; `null` for one that does not. */
    fail: (operation: S3Operation, ...how: (S3Fault | null)[]) => void faults.set(operation, how),
  }
}

function operationOf(method: string, url: URL): S3Operation {
  const has = (name: string) => url.searchParams.has(name)
  if (method === 'HEAD') return 'head'
  if (method === 'PUT') return has('partNumber') ? 'part' : 'put'
  if (method === 'POST') return has('uploads') ? 'create' : 'complete'
  if (method === 'DELETE') return has('uploadId') ? 'abort' : 'delete'
  return has('uploads') ? 'list' : 'get'
}

function metadataOf(headers: IncomingMessage['headers']): Record<string, string> {
  const metadata = Object.entries(headers).filter(([name]) => name.startsWith('x-amz-meta-'))
  return Object.fromEntries(metadata.map(([name, value]) => [name, String(value)]))
}

/** `undefined` when the client left, or the connection was cut. */
async function readBody(
  request: IncomingMessage,
  fault: S3Fault | undefined,
  { keepsBytes, isKept }: { readonly keepsBytes: boolean; readonly isKept: boolean },
) {
  const [md5, sha256] = [createHash('md5'), createHash('sha256')]
  const chunks: Buffer[] = []
  let byteLength = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      byteLength += chunk.length
      if (fault?.kind === 'cut' && byteLength >= fault.afterBytes) {
        request.socket.resetAndDestroy()
        if (isKept) break
        return undefined
      }
      md5.update(chunk)
      sha256.update(chunk)
      // The list of the parts is short, and needed.
      if (keepsBytes || request.method === 'POST') chunks.push(chunk)
    }
  } catch {
    if (!isKept) return undefined // The client went away in the middle of its request.
  }
  const length = request.headers['content-length']
  if (!isKept && length !== undefined && Number(length) !== byteLength) return undefined
  return { bytes: Buffer.concat(chunks), byteLength, md5: md5.digest('hex'), sha256: sha256.digest('hex') }
}
