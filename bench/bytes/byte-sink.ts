import { createServer, type IncomingMessage } from 'node:http'
import type { Served } from '../harness/serve-module.ts'

/** Takes bytes and keeps none: `/sink` counts them, and `/bucket/…` is a bucket of S3 for uploads in parts. */
export function serve(): Served {
  const uploads = new Map<string, number>()
  const objects = new Map<string, number>()
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://bench.example')
    const byteLength = await count(request)
    const uploadId = searchParams.get('uploadId')
    const xml = (text: string) => response.writeHead(200, { 'content-type': 'application/xml' }).end(text)
    if (pathname === '/sink') response.end(String(byteLength))
    else if (searchParams.has('uploads')) {
      const id = `upload-${uploads.size}`
      uploads.set(id, 0)
      xml(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`)
    } else if (request.method === 'PUT' && uploadId !== null) {
      uploads.set(uploadId, (uploads.get(uploadId) ?? 0) + byteLength)
      response.writeHead(200, { etag: `"part-${searchParams.get('partNumber')}"` }).end()
    } else if (request.method === 'POST' && uploadId !== null) {
      objects.set(pathname, uploads.get(uploadId) ?? 0)
      xml('<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>')
    } else {
      const stored = objects.get(pathname)
      if (stored === undefined) response.writeHead(404).end()
      else response.writeHead(200, { 'content-length': stored, etag: '"whole"' }).end()
    }
  })
  server.requestTimeout = 0
  // A client whose download keeps its only thread busy does not see that the sink has closed an idle connection.
  server.keepAliveTimeout = 120_000
  return { server }
}

async function count(request: IncomingMessage): Promise<number> {
  let byteLength = 0
  request.on('data', (chunk: Buffer) => {
    byteLength += chunk.length
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  request.on('end', resolve).on('error', reject)
  await promise
  return byteLength
}
