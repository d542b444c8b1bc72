import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { Generator } from '../../src/contracts/generator.js'
import type { Uploader } from '../../src/contracts/uploader.js'
import { createOpenUrl } from '../../src/pipeline/open-url.js'
import { SoraPipeline } from '../../src/pipeline/sora-pipeline.js'

const openUrl = createOpenUrl(['127.0.0.1'])
const BYTES = Buffer.from('0123456789')
const servers: Server[] = []

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.mp4?signature=canary-1234`
}
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})
const text = async (url: string, offset = 0) => new Response(await openUrl(url, { offset })).text()
const failure = (url: string, offset = 0) =>
  openUrl(url, { offset }).then(
    () => undefined,
    (error: unknown) => error,
  )

describe('openUrl', () => {
  it('gives the bytes from an offset, whether the server knows ranges or not', async () => {
    const ranged = await serve((request, response) => {
      const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
      const headers = start > 0 ? { 'content-range': `bytes ${start}-9/10` } : {}
      response.writeHead(start > 0 ? 206 : 200, { 'content-type': 'video/mp4', ...headers }).end(BYTES.subarray(start))
    })
    const plain = await serve((_, response) => {
      response.write(BYTES.subarray(0, 3))
      response.end(BYTES.subarray(3))
    })
    for (const url of [ranged, plain]) {
      expect(await text(url)).toBe('0123456789')
      expect(await text(url, 4)).toBe('456789')
    }
  })

  it('refuses a range that starts elsewhere, a page, and an empty answer', async () => {
    const elsewhere = await serve((_, response) =>
      response.writeHead(206, { 'content-range': 'bytes 2-9/10' }).end(BYTES),
    )
    expect(await failure(elsewhere, 4)).toMatchObject({
      code: 'upstream-response',
      message: expect.stringMatching(/started at: 2$/),
    })
    const page = await serve((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'))
    expect(await failure(page)).toMatchObject({
      code: 'upstream-response',
      message: expect.stringMatching(/: text\/html$/),
    })
    const empty = await serve((_, response) => response.writeHead(204).end())
    expect(await failure(empty)).toMatchObject({
      code: 'upstream-response',
      message: expect.stringMatching(/: no body$/),
    })
  })

  it('tells a status, and a server that cannot be reached, without the query of the address', async () => {
    const gone = await serve((_, response) => response.writeHead(410).end())
    const error = await failure(gone)
    expect(error).toMatchObject({ code: 'upstream-http', status: 410 })
    const unreachable = await failure('http://127.0.0.1:1/a.mp4?signature=canary-1234')
    expect(unreachable).toMatchObject({ code: 'network', message: expect.stringContaining('127.0.0.1:1') })
    expect(JSON.stringify([error, unreachable])).not.toContain('canary')
  })

  it('opens no private address that is not listed', async () => {
    const url = await serve((_, response) => response.end(BYTES))
    await expect(createOpenUrl(undefined)(url, {})).rejects.toMatchObject({ code: 'network', isRetryable: false })
  })

  it('opens for an uploader what the pipeline allows, and degrades where it does not', async () => {
    const url = await serve((_, response) => response.end(BYTES))
    const generator: Generator = { name: 'mock', generate: async () => ({ id: 'gen_1', url }) }
    const uploader: Uploader = {
      name: 'mock',
      async upload(source) {
        const stored = await new Response(await source.open()).text()
        return { url: `https://store.example/${stored}` }
      },
    }
    const resultOf = async (allowPrivateAddresses?: readonly string[]) =>
      new SoraPipeline({ generator, uploader, allowPrivateAddresses }).generate({ prompt: 'A cat' })
    expect(await resultOf(['127.0.0.1'])).toMatchObject({ url: 'https://store.example/0123456789', isDegraded: false })
    expect(await resultOf()).toMatchObject({ url, isDegraded: true, attempts: [{}, { errorCode: 'network' }] })
    await expect(resultOf(['127.0.0.1/99'])).rejects.toMatchObject({
      problems: [{ field: 'allowPrivateAddresses[0]', value: '"127.0.0.1/99"' }],
    })
  })

  it('ends with the reason of the signal', async () => {
    const url = await serve((_, response) => response.flushHeaders())
    const controller = new AbortController()
    const stream = await openUrl(url, { signal: controller.signal })
    const reading = stream.getReader().read()
    controller.abort('enough')
    await expect(reading).rejects.toBe('enough')
    await expect(openUrl(url, { signal: controller.signal })).rejects.toBe('enough')
  })
})
