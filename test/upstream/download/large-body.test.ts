import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { testCertificate } from '../../../src/testing/fault-server/test-certificate.js'
import { createDownloader } from '../../../src/upstream/download/downloader.js'
import { loopbackServer, videoBytes } from '../loopback-server.js'

const BYTES = videoBytes(12_345_678)
const SOCKET_BYTES = 65_536

async function secureOrigin(): Promise<string> {
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
  const server = createServer(testCertificate('self-signed'), (_, response) => response.end(BYTES)).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  onTestFinished(async () => {
    vi.unstubAllEnvs()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function plainOrigin(): Promise<string> {
  const { origin } = await loopbackServer((_, response) => response.end(BYTES))
  return origin
}

/** All chunks, read by one who takes a break after each. */
async function chunksOf(origin: string, isLarge: boolean): Promise<Buffer[]> {
  const download = createDownloader({ allowPrivateAddresses: true })
  const { signal } = new AbortController()
  const { body } = await download(origin, { what: 'download the video', isLarge, signal })
  const chunks: Buffer[] = []
  for await (const chunk of body as ReadableStream<Uint8Array>) {
    chunks.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    for (let turns = chunks.length % 5; turns > 0; turns -= 1) await nextTurn()
  }
  return chunks
}

test.each([
  ['http', plainOrigin],
  ['https', secureOrigin],
])(
  'a large body over %s has the right bytes, and chunks that stay the same while the next ones are read',
  async (_, serve) => {
    const chunks = await chunksOf(await serve(), true)
    expect(Buffer.concat(chunks).equals(BYTES)).toBe(true)
  },
)

test('a large body is read in larger pieces than others', async () => {
  const origin = await plainOrigin()
  const largest = async (isLarge: boolean) => Math.max(...(await chunksOf(origin, isLarge)).map(({ length }) => length))
  expect(await largest(true)).toBeGreaterThan(SOCKET_BYTES)
  expect(await largest(false)).toBeLessThanOrEqual(SOCKET_BYTES)
})
