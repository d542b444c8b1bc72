import { describe, expect, it } from 'vitest'
import { SoraPipeline, type VideoSource } from '../../src/index.js'
import { fakeGenerator, fakeResolver } from '../../src/testing/index.js'
import { loopbackServer } from '../upstream/loopback-server.js'

const MP4 = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypisom'), Buffer.alloc(500, 'x')])

/** A run whose uploader is given a source of the URL, and what it makes of it. */
async function read<T>(
  url: string,
  use: (source: VideoSource) => Promise<T>,
  allow: readonly string[] = ['127.0.0.1'],
) {
  let seen: T | undefined
  const uploader = {
    name: 'reader',
    upload: async (source: VideoSource) => {
      seen = await use(source)
      return { url: 'https://store.example/a.mp4' }
    },
  }
  const generator = fakeGenerator({ outcome: { id: 'gen_1', url } })
  const result = await new SoraPipeline({ generator, uploader, allowPrivateAddresses: allow }).generate({ prompt: 'x' })
  return { seen, result }
}
const bytesOf = async (source: VideoSource, offset = 0) =>
  Buffer.from(await new Response(await source.open({ offset })).arrayBuffer())

describe('the source of a public URL', () => {
  it('gives the bytes from an offset, and its length once it was opened', async () => {
    const server = await loopbackServer((request, response) => {
      const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
      const headers = { 'content-type': 'video/mp4', etag: '"one"' }
      const range = { 'content-range': `bytes ${start}-${MP4.byteLength - 1}/${MP4.byteLength}` }
      response.writeHead(start > 0 ? 206 : 200, start > 0 ? { ...headers, ...range } : headers).end(MP4.subarray(start))
    })
    const { seen } = await read(`${server.origin}/a.mp4`, async (source) => {
      const whole = await bytesOf(source)
      return [whole.equals(MP4), (await bytesOf(source, 100)).equals(MP4.subarray(100)), source.isPublic]
    })
    expect(seen).toEqual([true, true, true])
  })

  it('never adds the bytes of another file to those it gave', async () => {
    let opened = 0
    const server = await loopbackServer((_, response) => {
      opened += 1
      const headers = { 'content-type': 'video/mp4', etag: `"file ${opened}"` }
      if (opened === 1) return void response.writeHead(200, { ...headers, 'content-length': MP4.byteLength }).end(MP4)
      const range = { 'content-range': `bytes 100-${MP4.byteLength - 1}/${MP4.byteLength}` }
      response.writeHead(206, { ...headers, ...range }).end(MP4.subarray(100))
    })
    const { result } = await read(`${server.origin}/a.mp4`, async (source) => {
      await bytesOf(source)
      return bytesOf(source, 100)
    })
    expect(result).toMatchObject({ servedBy: 'generator', isDegraded: true })
    expect(result.attempts.at(-1)).toMatchObject({ strategy: 'reader', errorCode: 'upstream-response' })
  })

  it.each([
    [999, 'generator', /it is another file now: 512 bytes, where 999 were seen$/],
    [MP4.byteLength, 'mirror', undefined],
  ])('is passed over when it was seen with %i bytes and is another file now', async (byteLength, from, warning) => {
    const server = await loopbackServer((_, response) => {
      response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': MP4.byteLength }).end(MP4)
    })
    const uploader = {
      name: 'reader',
      upload: async (source: VideoSource) => {
        const isMirror = (await bytesOf(source)).equals(MP4)
        return { url: `https://store.example/${isMirror ? 'mirror' : 'generator'}` }
      },
    }
    const source = { isPublic: false, open: async () => new Blob(['the bytes of the generator']).stream() }
    const { url, warnings } = await new SoraPipeline({
      generator: fakeGenerator({ outcome: { id: 'gen_1', source } }),
      resolver: fakeResolver({ outcome: { url: `${server.origin}/a.mp4`, byteLength } }),
      uploader,
      allowPrivateAddresses: ['127.0.0.1'],
    }).generate({ prompt: 'x' })
    expect(url).toBe(`https://store.example/${from}`)
    expect(warnings.map(({ message }) => message)).toEqual(warning ? [expect.stringMatching(warning)] : [])
  })

  it.each([
    ['a page that calls itself a video', '<!doctype html><html><body>Not found</body></html>'],
    ['an error document', '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'],
  ])('refuses %s', async (_, body) => {
    const server = await loopbackServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'video/mp4' }).end(body)
    })
    const { result } = await read(`${server.origin}/a.mp4`, bytesOf)
    expect(result).toMatchObject({ isDegraded: true })
    expect(result.attempts.at(-1)?.errorCode).toBe('upstream-response')
  })

  it('is not opened at a private address that is not listed', async () => {
    const server = await loopbackServer((_, response) => void response.end(MP4))
    const { result } = await read(`${server.origin}/a.mp4`, bytesOf, [])
    expect(result.attempts.at(-1)).toMatchObject({ errorCode: 'network' })
    expect(server.seen).toEqual([])
  })
})
