import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Disk, errors } from 'flydrive'
import { FSDriver } from 'flydrive/drivers/fs'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { flydriveUploader } from '../../examples/storage-clients.js'
import { hurriedClock } from '../../src/testing/conformance/hurried-clock.js'
import { fakeContext, fakeSource } from '../../src/testing/index.js'
import { rejection } from '../upstream/stage-context.js'

const video = () => fakeSource({ byteLength: 900_000 })
const broken = () => fakeSource({ byteLength: 900_000, failAfterBytes: [500_000, ...Array<number>(50).fill(0)] })

describe('storageUploader with flydrive', () => {
  const setup = async () => {
    const location = await mkdtemp(join(tmpdir(), 'flydrive-'))
    onTestFinished(() => rm(location, { recursive: true, force: true }))
    const urlBuilder = {
      generateURL: async (key: string) => `https://media.example/${encodeURIComponent(key)}`,
      generateSignedURL: async (key: string) => `https://media.example/${encodeURIComponent(key)}`,
    }
    const disk = new Disk(new FSDriver({ location, visibility: 'public', urlBuilder }))
    const files = async () => {
      const names = await readdir(location)
      return new Map(
        await Promise.all(names.map(async (name) => [name, await readFile(join(location, name))] as const)),
      )
    }
    return { location, disk, files, uploader: flydriveUploader(disk) }
  }
  const FILE = 'run_1.mp4'
  const own = (more = {}) => fakeContext({ clock: hurriedClock(), runId: 'run_1', ...more })

  test('stores the video and nothing else, in place of an earlier one', async () => {
    const { location, files, uploader } = await setup()
    await writeFile(join(location, FILE), 'before')
    const source = video()
    expect(await uploader.upload(source, own())).toMatchObject({ id: FILE, url: `https://media.example/${FILE}` })
    expect([...(await files())]).toEqual([[FILE, Buffer.from(source.slice())]])
  })

  test('a failed upload leaves an earlier file of the key, and nothing else', async () => {
    const { location, files, uploader } = await setup()
    await writeFile(join(location, FILE), 'before')
    expect(await rejection(uploader.upload(broken(), own()))).toMatchObject({ code: 'network' })
    expect([...(await files())]).toEqual([[FILE, Buffer.from('before')]])
  })

  test('so does an abort, also once the bytes are there', async () => {
    for (const when of ['partial', 'whole']) {
      const { location, disk, files, uploader } = await setup()
      await writeFile(join(location, FILE), 'before')
      const controller = new AbortController()
      const putStream = disk.putStream.bind(disk)
      const removed = vi.spyOn(disk, 'delete')
      disk.putStream = async (...call) => {
        if (when === 'partial') call[1].once('readable', () => controller.abort(new Error('enough')))
        await putStream(...call)
        controller.abort(new Error('enough'))
      }
      const upload = uploader.upload(video(), own({ signal: controller.signal }))
      expect(await rejection(upload)).toBe(controller.signal.reason)
      await vi.waitFor(() => expect(removed).toHaveBeenCalled())
      await removed.mock.results[0]?.value
      expect([...(await files())]).toEqual([[FILE, Buffer.from('before')]])
    }
  })

  test('a removal that fails hides no error of the upload', async () => {
    const { disk, uploader } = await setup()
    const cause = Object.assign(new Error('full'), { status: 507 })
    disk.putStream = () => Promise.reject(new errors.E_CANNOT_WRITE_FILE(['run_1.mp4'], { cause }))
    disk.delete = () => Promise.reject(new Error('cannot delete'))
    expect(await rejection(uploader.upload(video(), own()))).toMatchObject({ code: 'quota-exceeded' })
  })

  test('a key that flydrive does not take is an error that names it', async () => {
    const { files, uploader } = await setup()
    const error = await rejection(uploader.upload(video(), own({ runId: 'a#b' })))
    expect(error).toMatchObject({ isRetryable: false, message: expect.stringContaining('unallowed characters') })
    expect([...(await files())]).toEqual([])
  })
})
