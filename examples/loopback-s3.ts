// A store in memory that speaks as much S3 as the example needs: no signature is checked, so it is nothing to deploy.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** Starts it on a free port of loopback. */
export async function startLoopbackS3() {
  const objects = new Map<string, { readonly bytes: Buffer; readonly etag: string; readonly type: string }>()
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://loopback')
    const object = objects.get(pathname)
    if (request.method === 'PUT') {
      const bytes = await buffer(request)
      if (object && request.headers['if-none-match'] === '*') return response.writeHead(412).end()
      const etag = `"${createHash('md5').update(bytes).digest('hex')}"`
      objects.set(pathname, { bytes, etag, type: request.headers['content-type'] ?? '' })
      return response.writeHead(200, { etag }).end()
    }
    const isBucket = pathname.lastIndexOf('/') === 0
    if (request.method === 'HEAD' && isBucket) return response.writeHead(200).end()
    if (object === undefined) return response.writeHead(404).end()
    const { bytes, etag, type } = object
    response.writeHead(200, { etag, 'content-type': type, 'content-length': bytes.length })
    return response.end(request.method === 'HEAD' ? undefined : bytes)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}
