import { type FileHandle, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { VideoSource } from '../../../src/contracts/source.js'
import type { StageProgress } from '../../../src/contracts/stage.js'
import { UpstreamHttpError } from '../../../src/contracts/upstream-errors.js'
import { type DirectoryUploaderOptions, directoryUploader } from '../../../src/strategies/index.js'
import { fakeSource } from '../../../src/testing/index.js'
import { memoryVideo } from '../../../src/upstream/memory-video.js'
import { eventually } from '../../support/eventually.js'
import { videoBytes } from '../../upstream/loopback-server.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'

const disk = vi.hoisted(() => ({
  failure: undefined as string | undefined,
  of: '',
  onLinked: undefined as (() => void) | undefined,
  mostWritten: Number.POSITIVE_INFINITY,
  writes: 0,
}))
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  const countWrites = (handle: FileHandle) => {
    const write = handle.writev.bind(handle)
    handle.writev = async (chunks) => {
      disk.writes += 1
      if (disk.failure === 'EIO') throw Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'write' })
      if (disk.mostWritten === Number.POSITIVE_INFINITY) return write(chunks)
      const part = Buffer.concat(chunks as readonly Uint8Array[]).subarray(0, disk.mostWritten)
      const { bytesWritten } = await write([part])
      return { bytesWritten, buffers: chunks }
    }
  }
  const failing =
    (of: string, call: (...args: never[]) => Promise<unknown>) =>
    async (...args: never[]) => {
      if (disk.failure !== undefined && disk.of === of) {
        throw Object.assign(new Error(disk.failure), { code: disk.failure, syscall: of })
      }
      const result = await call(...args)
      if (of === 'link') disk.onLinked?.()
      if (of === 'open') countWrites(result as FileHandle)
      return result
    }
  return { ...real, open: failing('open', real.open as never), link: failing('link', real.link as never) }
})

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'directory-uploader-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

const into = (path: string, options: Partial<DirectoryUploaderOptions> = {}) =>
  directoryUploader({ directory: path, publicBaseUrl: 'https://media.example/videos/', ...options })

/** A source whose openings end as scripted: after so many bytes, with an error or at a normal end. */
function scripted(
  bytes: Buffer,
  script: readonly { readonly after: number; readonly error?: unknown }[],
  byteLength?: number,
) {
  const offsets: number[] = []
  const source: VideoSource = {
    isPublic: false,
    byteLength,
    async open({ offset = 0 } = {}) {
      const step = script[offsets.length]
      offsets.push(offset)
      const end = step === undefined ? bytes.length : offset + step.after
      let position = offset
      return new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            if (position < end) {
              controller.enqueue(bytes.subarray(position, Math.min(end, position + 1_000)))
              position = Math.min(end, position + 1_000)
            } else if (step?.error === undefined) controller.close()
            else controller.error(step.error)
          },
        },
        { highWaterMark: 0 },
      )
    },
  }
  return { source, offsets }
}

describe('directoryUploader', () => {
  test('stores the bytes under the id of the run', async () => {
    const path = join(await directory(), 'made', 'on the way')
    const bytes = videoBytes(300_000)
    const context = stageContext()
    expect(await into(path).upload(memoryVideo(bytes), context)).toEqual({
      url: 'https://media.example/videos/run_1.mp4',
      id: 'run_1.mp4',
      byteLength: 300_000,
    })
    expect(await readdir(path)).toEqual(['run_1.mp4'])
    expect((await readFile(join(path, 'run_1.mp4'))).equals(bytes)).toBe(true)
    expect(context.reports.at(0)).toMatchObject({ bytesTotal: 300_000 })
    expect(context.reports.at(-1)).toEqual({ bytesDone: 300_000, bytesTotal: 300_000, ratio: 1 })
    // The clock stands still, so there is the first report and the last one.
    expect(context.reports.length).toBe(2)
  })

  test.each([
    [undefined, '\x1aE\xdf\xa3webm', 'run_1.webm'],
    [undefined, 'whatever', 'run_1.mp4'],
    [() => '../猫 1', '\0\0\0\x18ftypisom', '猫_1.mp4'],
    [() => 'a.mov', '\0\0\0\x18ftypisom', 'a.mov'],
  ])('chooses the name by %s and %j', async (fileName, content, id) => {
    const { source } = scripted(Buffer.from(content, 'latin1'), [])
    const uploaded = await into(await directory(), { fileName }).upload(source, stageContext())
    expect(uploaded).toMatchObject({ id, url: `https://media.example/videos/${encodeURIComponent(id)}` })
  })

  test.each([
    ['..', 'video.mp4'],
    ['.', 'video.mp4'],
    ['/', 'video.mp4'],
    ['job.42', 'job.42.mp4'],
    ['cat.mp4', 'cat.mp4'],
  ])('the run %j has the file %s', async (runId, id) => {
    const context = { ...stageContext(), runId }
    expect(await into(await directory()).upload(memoryVideo(videoBytes(100)), context)).toMatchObject({ id })
  })

  test('never overwrites: a name that is taken gets a number', async () => {
    const path = await directory()
    await writeFile(join(path, 'run_1.mp4'), 'first')
    const uploader = into(path)
    const both = await Promise.all([1, 2].map(() => uploader.upload(memoryVideo(videoBytes(100)), stageContext())))
    expect(both.map(({ id }) => id).sort()).toEqual(['run_1-2.mp4', 'run_1-3.mp4'])
    expect(await readFile(join(path, 'run_1.mp4'), 'utf8')).toBe('first')
  })

  test('gives up when every number is taken', async () => {
    const path = await directory()
    await Promise.all(
      Array.from({ length: 1_000 }, (_, index) =>
        writeFile(join(path, index === 0 ? 'run_1.mp4' : `run_1-${index + 1}.mp4`), ''),
      ),
    )
    const error = await rejection(into(path).upload(memoryVideo(videoBytes(10)), stageContext()))
    expect(error).toMatchObject({ code: 'request-invalid' })
    expect((await readdir(path)).length).toBe(1_000)
  })

  test('resumes a broken source at the last good byte', async () => {
    const bytes = videoBytes(50_000)
    const broken = { error: new TypeError('terminated') }
    const { source, offsets } = scripted(
      bytes,
      [{ after: 20_000, ...broken }, { after: 0, ...broken }, { after: 10_000 }],
      50_000,
    )
    const path = await directory()
    const context = stageContext()
    await into(path).upload(source, context)
    expect(offsets).toEqual([0, 20_000, 20_000, 30_000])
    expect(context.clock.waits).toEqual([150, 300, 150])
    expect((await readFile(join(path, 'run_1.mp4'))).equals(bytes)).toBe(true)
  })

  test('resumes a long source as often as it breaks, while each time brings a good part of it', async () => {
    const part = 1_048_576
    const bytes = videoBytes(15 * part)
    const broken = { after: part, error: new TypeError('terminated') }
    const { source, offsets } = scripted(bytes, Array(14).fill(broken), bytes.length)
    const path = await directory()
    await into(path).upload(source, stageContext())
    expect(offsets.length).toBe(15)
    expect((await readFile(join(path, 'run_1.mp4'))).equals(bytes)).toBe(true)
  })

  test('writes chunks together, and what a full write leaves over once more', async () => {
    const bytes = videoBytes(200_000)
    const { source } = scripted(bytes, [])
    onTestFinished(() => {
      disk.mostWritten = Number.POSITIVE_INFINITY
    })
    for (const [mostWritten, writes] of [
      [Number.POSITIVE_INFINITY, 4],
      [30_001, 10],
      [1_500, 135],
    ] as const) {
      Object.assign(disk, { mostWritten, writes: 0 })
      const path = await directory()
      await into(path).upload(source, stageContext())
      expect((await readFile(join(path, 'run_1.mp4'))).equals(bytes)).toBe(true)
      expect(disk.writes).toBe(writes)
    }
  })

  test('a disk that fails in the middle leaves no file, and the source is closed', async () => {
    const path = await directory()
    disk.failure = 'EIO'
    onTestFinished(() => {
      disk.failure = undefined
    })
    const source = fakeSource({ byteLength: 5_000_000 })
    expect(await rejection(into(path).upload(source, stageContext()))).toMatchObject({ code: expect.any(String) })
    expect(await readdir(path)).toEqual([])
    await eventually(() => expect(source.openStreams).toBe(0))
    expect(source.bytesGiven).toBeLessThan(3_000_000)
  })

  const failure = new UpstreamHttpError('Could not download the video: gone', { status: 404 })
  test.each([
    ['has no bytes', [{ after: 0 }], undefined, { code: 'upstream-response' }, 1],
    ['fails at once', [{ after: 0, error: failure }], undefined, failure, 1],
    ['fails for good later', [{ after: 9, error: failure }], undefined, failure, 1],
    ['fails with a foreign error', [{ after: 0, error: new Error('x') }], undefined, { code: 'network' }, 1],
    [
      'stays short',
      Array(9).fill({ after: 0 }).toSpliced(0, 1, { after: 900 }),
      1_000,
      { code: 'upstream-response' },
      5,
    ],
    [
      'breaks again and again',
      Array(20).fill({ after: 100, error: new Error('x') }),
      undefined,
      { code: 'network' },
      11,
    ],
    ['is longer than it says', [{ after: 2_000 }], 1_000, { code: 'upstream-response', isRetryable: false }, 1],
  ])('a source that %s leaves no file', async (_, script, byteLength, expected, opened) => {
    const path = await directory()
    const { source, offsets } = scripted(videoBytes(50_000), script, byteLength)
    expect(await rejection(into(path).upload(source, stageContext()))).toMatchObject(expected)
    expect(offsets.length).toBe(opened)
    expect(await readdir(path)).toEqual([])
  })

  test.each(['before', 'while opening', 'while reading', 'at the end', 'after it has its name'])(
    'an abort %s leaves no file',
    async (when) => {
      const path = await directory()
      const controller = new AbortController()
      const reason = { enough: true }
      const context = stageContext(controller.signal)
      const bytes = videoBytes(5_000)
      const hanging = new ReadableStream<Uint8Array>({
        start: (stream) => stream.enqueue(bytes),
        pull: () => new Promise(() => undefined),
      })
      const source: VideoSource = {
        isPublic: false,
        open: () => (when === 'while opening' ? new Promise(() => undefined) : Promise.resolve(hanging)),
      }
      if (when === 'before') controller.abort(reason)
      if (when === 'after it has its name') disk.onLinked = () => controller.abort(reason)
      onTestFinished(() => {
        disk.onLinked = undefined
      })
      const report = ({ ratio }: StageProgress) => {
        if (when === 'at the end' && ratio === 1) controller.abort(reason)
        context.reports.push({})
      }
      const isWhole = when === 'at the end' || when === 'after it has its name'
      const uploading = rejection(into(path).upload(isWhole ? memoryVideo(bytes) : source, { ...context, report }))
      if (when === 'while reading') await eventually(() => expect(context.reports.length).toBe(1))
      if (when === 'while opening') await eventually(async () => expect((await readdir(path)).length).toBe(1))
      if (!isWhole) controller.abort(reason)
      expect(await uploading).toBe(reason)
      expect(await readdir(path)).toEqual([])
    },
  )

  test.each([
    ['ENOSPC', 'open', 'quota-exceeded'],
    ['EDQUOT', 'link', 'quota-exceeded'],
    ['EACCES', 'open', 'configuration-invalid'],
    ['EROFS', 'open', 'configuration-invalid'],
    ['ENOTSUP', 'link', 'configuration-invalid'],
  ])('%s of %s is %s', async (code, of, expected) => {
    const path = await directory()
    disk.failure = code
    disk.of = of
    onTestFinished(() => {
      disk.failure = undefined
    })
    expect(await rejection(into(path).upload(memoryVideo(videoBytes(10)), stageContext()))).toMatchObject({
      code: expected,
    })
    expect(await readdir(path)).toEqual([])
  })

  test('a directory that is a file is a configuration error', async () => {
    const path = join(await directory(), 'file')
    await writeFile(path, '')
    for (const wrong of [path, join(path, 'below')]) {
      const error = await rejection(into(wrong).upload(memoryVideo(videoBytes(10)), stageContext()))
      expect(error).toMatchObject({ code: 'configuration-invalid' })
    }
    await mkdir(join(path, '..', 'fine'))
  })
})
