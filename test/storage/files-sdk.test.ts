import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Files } from 'files-sdk'
import { fs } from 'files-sdk/fs'
import { afterAll, describe, expect, test } from 'vitest'
import { filesUploader } from '../../examples/storage-clients.js'
import { fakeContext, fakeSource, uploaderConformance } from '../../src/testing/index.js'
import { systemClock } from '../../src/timing/system-clock.js'
import { rejection } from '../upstream/stage-context.js'

const BASE = 'https://media.example/videos'

const roots: string[] = []
// An upload that was aborted may still write for a moment.
afterAll(() => Promise.all(roots.map((root) => rm(root, { recursive: true, force: true, maxRetries: 5 }))))

/** An adapter without conditions, as most are. */
async function setup() {
  const root = await mkdtemp(join(tmpdir(), 'files-sdk-'))
  roots.push(root)
  return {
    uploader: filesUploader(new Files({ adapter: fs({ root, urlBaseUrl: BASE }) })),
    read: (url: string) => readFile(join(root, decodeURIComponent(url.slice(BASE.length)))),
    list: async () => (await readdir(root)).sort(),
    clock: systemClock,
  }
}

describe('storageUploader with files-sdk', () => {
  uploaderConformance({ test, timeoutMs: 30_000, create: setup })

  test('any key is stored as it is, and left when it exists', async () => {
    const [first, { uploader, read, list }] = [fakeSource(), await setup()]
    const context = () => fakeContext({ clock: systemClock, runId: 'a b#c?d%25é' })
    const { url, id } = await uploader.upload(first, context())
    expect([url, id]).toEqual([`${BASE}/a%20b%23c%3Fd%2525%C3%A9.mp4`, 'a b#c?d%25é.mp4'])
    const before = await list()
    const error = await rejection(uploader.upload(fakeSource({ seed: 7 }), context()))
    expect(error).toMatchObject({ code: 'request-invalid', message: expect.stringContaining('which is taken') })
    expect((await read(url)).equals(first.slice())).toBe(true)
    expect(await list()).toEqual(before)
  })
})
