import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { startSandbox } from '../../../src/sandbox/index.js'
import { videosApiGenerator } from '../../../src/strategies/index.js'
import { fakeGenerator, fakeSource } from '../../../src/testing/index.js'
import { inspectMp4 } from '../../sandbox/inspect-mp4.js'
import { collect } from '../../support/collect.js'
import { API_KEY, type Backend, startBackend, startKeyedBackend } from './start-backend.js'

// "If a URL exists there is no error": a video that is only behind the generator's key is served by the backend.

const CHAT = { model: 'sora-1.0', messages: [{ role: 'user' as const, content: 'A cat' }] }
const clientOf = ({ baseUrl }: Backend) => new OpenAI({ baseURL: baseUrl, apiKey: API_KEY, maxRetries: 0 })

async function urlOf(backend: Backend): Promise<string> {
  const completion = await clientOf(backend).chat.completions.create(CHAT)
  return completion.choices[0]?.message.content ?? ''
}

describe('a video that is only behind a key', () => {
  test('has a URL that a player can use without a key', async () => {
    const backend = await startKeyedBackend()
    const url = await urlOf(backend)
    const { origin, pathname, search } = new URL(url)
    expect([origin, search]).toEqual([backend.origin, ''])
    expect(pathname).toMatch(/\.mp4$/)

    const head = await fetch(url, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'video/mp4'])
    expect([head.headers.get('content-length'), head.headers.get('accept-ranges')]).toEqual(['300000', 'bytes'])
    expect(await head.text()).toBe('')

    const whole = await fetch(url)
    expect(Buffer.from(await whole.arrayBuffer()).equals(backend.bytes)).toBe(true)

    // The requests of browsers before they play, then to seek, then for the index at the end.
    for (const [range, start, end] of [
      ['bytes=0-', 0, 300_000],
      ['bytes=0-1', 0, 2],
      ['bytes=150000-200000', 150_000, 200_001],
      ['bytes=-1000', 299_000, 300_000],
    ] as const) {
      const part = await fetch(url, { headers: { range } })
      expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes ${start}-${end - 1}/300000`])
      expect(Buffer.from(await part.arrayBuffer()).equals(backend.bytes.subarray(start, end))).toBe(true)
    }
    expect((await fetch(url, { headers: { range: 'bytes=300000-' } })).status).toBe(416)
  })

  test('has it in a stream as well, and ends like any other', async () => {
    const backend = await startKeyedBackend()
    const chunks = await collect(await clientOf(backend).chat.completions.create({ ...CHAT, stream: true }))
    const last = chunks.at(-1)?.choices[0]
    expect(last?.finish_reason).toBe('stop')
    expect((await fetch(last?.delta.content ?? '', { method: 'HEAD' })).status).toBe(200)
  })

  test('is refused for every URL but the one that was signed', async () => {
    const backend = await startKeyedBackend()
    const url = await urlOf(backend)
    const other = await urlOf(backend)
    const [, id = ''] = /videos\/(video_\w+)\//.exec(url) ?? []
    const [, otherId = ''] = /videos\/(video_\w+)\//.exec(other) ?? []
    const longer = url.replace(/\/(\d+)-/, (_, endsAt: string) => `/${Number(endsAt) + 1}-`)
    const altered = url.replace(/.(?=\.mp4$)/, (letter) => (letter === 'A' ? 'B' : 'A'))
    for (const wrong of [url.replace(id, otherId), longer, altered, url.replace(/\/content\/.*/, '/content')]) {
      expect(wrong).not.toBe(url)
      expect([401, 404]).toContain((await fetch(wrong)).status)
    }
    await clientOf(backend).videos.delete(id)
    expect((await fetch(url)).status).toBe(404)
  })

  test('is a real MP4 that plays, from an upstream that requires its key', async () => {
    const sandbox = await startSandbox({ speed: 20 })
    try {
      const generator = videosApiGenerator(sandbox.videosApi)
      const backend = await startBackend({ generator, pollSchedule: () => 30 })
      const answer = await fetch(await urlOf(backend))
      expect(answer.status).toBe(200)
      expect(await inspectMp4(await answer.bytes())).toMatchObject({ codec: 'avc' })
    } finally {
      await sandbox.close()
    }
  })

  test('can be read from a generator of one long call too, any number of times', async () => {
    const source = fakeSource({ byteLength: 5000 })
    const backend = await startBackend({ generator: fakeGenerator({ outcome: { id: 'gen_1', source } }) })
    const url = await urlOf(backend)
    for (let time = 0; time < 2; time += 1) {
      const answer = await fetch(url)
      expect(answer.status).toBe(200)
      expect(Buffer.from(await answer.arrayBuffer()).equals(source.slice())).toBe(true)
    }
    expect(backend.errors).toEqual([])
  })
})
