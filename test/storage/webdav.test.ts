import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type WebdavUploaderOptions, webdavUploader } from '../../src/strategies/index.js'
import { type FakeSource, fakeContext, fakeSource, uploaderConformance } from '../../src/testing/index.js'
import { systemClock } from '../../src/timing/system-clock.js'
import { leaksIn } from '../secrets/leaks.js'
import { rejection } from '../upstream/stage-context.js'
import { SERVER_LOGIN, type StorageServer, startStorageServer, titleOf } from './storage-server.js'

const { title, isLeftOut } = titleOf('rclone-webdav', 'webdavUploader and a real server, rclone')

describe.skipIf(isLeftOut)(title, () => {
  let server: StorageServer
  beforeAll(async () => {
    server = await startStorageServer('rclone-webdav')
  }, 60_000)
  afterAll(() => server?.close())

  const { user, password } = SERVER_LOGIN
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const uploader = (more: Partial<WebdavUploaderOptions> = {}) => {
    const baseUrl = `${server.origin}/videos`
    return webdavUploader({ ...SERVER_LOGIN, baseUrl, publicBaseUrl: baseUrl, timeoutMs: 20_000, ...more })
  }
  const context = (runId: string) => fakeContext({ clock: systemClock, runId })
  const read = async (url: string) => (await fetch(url, { headers: { authorization } })).bytes()
  const isStored = async (url: string, source: FakeSource) => Buffer.from(await read(url)).equals(source.slice())

  let cases = 0
  uploaderConformance({
    test,
    timeoutMs: 30_000,
    sizes: [1, 65_536, 3_000_003],
    create: () => {
      cases += 1
      return {
        uploader: uploader({ key: `case ${cases}/{runId}.{extension}` }),
        secrets: [password],
        list: () => server.files(),
        read,
      }
    },
  })

  test('a path with folders, blanks and other letters is stored as it is', async () => {
    const key = 'a b/ü+/(1)&q=100%.mp4'
    const source = fakeSource({ byteLength: 2_000_000, declaredByteLength: 'unknown' })
    const { url, id } = await uploader({ key }).upload(source, context('path'))
    expect(id).toBe(key)
    expect(await isStored(url, source)).toBe(true)
    expect(await server.files()).toContain(`/videos/${key}`)
  })

  test('a file that exists is left, unless it may be overwritten', async () => {
    const [first, other] = [fakeSource({ byteLength: 1_000 }), fakeSource({ byteLength: 1_000, seed: 7 })]
    const { url } = await uploader({ key: 'taken.mp4' }).upload(first, context('a'))
    const error = await rejection(uploader({ key: 'taken.mp4' }).upload(other, context('b')))
    expect(error).toMatchObject({ code: 'request-invalid' })
    expect(await isStored(url, first)).toBe(true)
    await uploader({ key: 'taken.mp4', onExisting: 'overwrite' }).upload(other, context('c'))
    expect(await isStored(url, other)).toBe(true)
  })

  test('of several uploads of one path at the same moment one wins, and the others leave it and nothing else', async () => {
    const sources = [1, 2, 3].map((seed) => fakeSource({ byteLength: 2_000_000, seed }))
    const ends = await Promise.allSettled(
      sources.map((source) => uploader({ key: 'race.mp4' }).upload(source, context('r'))),
    )
    const won = ends.findIndex(({ status }) => status === 'fulfilled')
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await isStored(`${server.origin}/videos/race.mp4`, sources[won] as FakeSource)).toBe(true)
    expect((await server.files()).filter((path) => path.endsWith('.part'))).toEqual([])
  })

  test('a wrong password and a folder that does not exist are named', async () => {
    const wrong = 'canary-password-that-is-wrong'
    const refused = await rejection(uploader({ password: wrong }).upload(fakeSource(), context('wrong')))
    expect(refused).toMatchObject({ code: 'authentication', isRetryable: false })
    expect(leaksIn(refused, [wrong])).toEqual([])
    const baseUrl = `${server.origin}/none-such`
    const missing = await rejection(uploader({ baseUrl }).upload(fakeSource(), context('none')))
    expect(missing).toMatchObject({
      code: 'configuration-invalid',
      message: expect.stringContaining('make the folder first'),
    })
  })
})
