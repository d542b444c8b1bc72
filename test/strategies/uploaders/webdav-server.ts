import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** How one request fails. */
export type WebdavFault =
  | { readonly kind: 'status'; readonly status: number }
  /** Reset after so many bytes of its body, which stay as a file. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** Done, but the answer is lost. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'hang' }
  /** Fewer bytes are stored than came, and the answer is a success. */
  | { readonly kind: 'short' }
  /** Answered with a page under status 200, and not done. */
  | { readonly kind: 'page' }
  /** Never answered; half the file appears when it was removed so many times after its client has left. */
  | { readonly kind: 'late'; readonly afterDeletes: number }

export const LOGIN = { user: 'anna', password: 'canary-pässword:1' }

/**
 * A WebDAV server on loopback that keeps what it gets, also half a file, as the simple ones do. It ends with the test.
 * @param options - `cutsDestination`: whether it takes the address of a move without its parameters, as wsgidav does.
 */
export async function webdavServer({ cutsDestination = false } = {}) {
  const files = new Map<string, Buffer>()
  const folders = new Set(['/dav/videos'])
  const requests: string[] = []
  const late = new Map<string, { readonly body: Buffer; deletes: number }>()
  const faults = new Map<string, (WebdavFault | null)[]>()
  const authorization = `Basic ${Buffer.from(`${LOGIN.user}:${LOGIN.password}`).toString('base64')}`
  const folderOf = (path: string) => path.slice(0, path.lastIndexOf('/'))

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', headers } = request
    const path = decodeURIComponent(new URL(request.url ?? '', 'http://dav').pathname).replace(/\/$/, '')
    const fault = faults.get(method)?.shift() ?? undefined
    requests.push(method)
    if (fault?.kind === 'hang') return
    const answer = (status: number, body?: Buffer) => {
      if (fault?.kind === 'lost') return void request.socket.resetAndDestroy()
      response.writeHead(
        status,
        body === undefined ? {} : { 'content-length': body.length, 'content-type': 'video/mp4' },
      )
      response.end(method === 'GET' ? body : undefined)
    }
    const chunks: Buffer[] = []
    let length = 0
    const keep = () => files.set(path, Buffer.concat(chunks))
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        chunks.push(chunk)
        length += chunk.length
        if (fault?.kind !== 'cut' || length < fault.afterBytes) continue
        keep()
        return void request.socket.resetAndDestroy()
      }
    } catch {
      if (fault?.kind === 'late') late.set(path, { body: Buffer.concat(chunks), deletes: fault.afterDeletes })
      else if (method === 'PUT') keep()
      return
    }
    if (fault?.kind === 'late') {
      await once(response, 'close')
      return void late.set(path, { body: Buffer.concat(chunks), deletes: fault.afterDeletes })
    }
    if (fault?.kind === 'page') {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
      return void response.end(method === 'HEAD' ? undefined : '<html>Please sign in</html>')
    }
    if (fault?.kind === 'status') return answer(fault.status)
    if (method !== 'GET' && headers.authorization !== authorization) return answer(401)
    const file = files.get(path)
    switch (method) {
      case 'GET':
      case 'HEAD':
        return file === undefined ? answer(404) : answer(200, file)
      case 'PUT':
        if (!folders.has(folderOf(path))) return answer(409)
        if (fault?.kind === 'short') chunks.pop()
        keep()
        return answer(201)
      case 'MKCOL':
        if (folders.has(path)) return answer(405)
        if (!folders.has(folderOf(path))) return answer(409)
        folders.add(path)
        return answer(201)
      case 'MOVE': {
        const named = decodeURIComponent(new URL(String(headers.destination)).pathname)
        const target = cutsDestination ? named.replace(/;.*/, '') : named
        if (file === undefined) return answer(404)
        if (headers.overwrite === 'F' && files.has(target)) return answer(412)
        files.set(target, file)
        files.delete(path)
        return answer(201)
      }
      case 'DELETE': {
        const coming = late.get(path)
        if (coming !== undefined) {
          coming.deletes -= 1
          if (coming.deletes === 0) {
            late.delete(path)
            files.set(path, coming.body)
            return answer(404)
          }
        }
        return answer(files.delete(path) ? 204 : 404)
      }
      default:
        return answer(405)
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
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/dav/videos`
  return {
    /** Options of an uploader to this server; anyone may read. */
    connection: { baseUrl, publicBaseUrl: baseUrl, ...LOGIN },
    files,
    folders,
    requests: requests as readonly string[],
    countOf: (method: string) => requests.filter((each) => each === method).length,
    /** How the next requests of a method fail, one after the other; `null` for one that does not. */
    fail: (method: string, ...how: (WebdavFault | null)[]) => void faults.set(method, how),
  }
}
