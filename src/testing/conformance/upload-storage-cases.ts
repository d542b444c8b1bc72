import assert from 'node:assert/strict'
import { type FakeSource, fakeSource } from '../fake-source.js'
import type { ConformanceCase } from './conformance-suite.js'
import { outcomeOf, type Trial } from './trial.js'
import type { UploaderSubject } from './uploader-subject.js'

/** Cases about the content of the store after an upload. */
export function uploadStorageCases(sizes: readonly number[]): ConformanceCase<UploaderSubject>[] {
  return [
    ...sizes.map(
      (byteLength): ConformanceCase<UploaderSubject> => ({
        name: `stores the bytes unchanged (${byteLength} bytes)`,
        check: (subject, trial) => uploadAndCompare(subject, trial, fakeSource({ byteLength })),
      }),
    ),
    {
      name: 'stores the bytes of a source of unknown length unchanged, or refuses it',
      async check(subject, trial) {
        const source = fakeSource({ byteLength: 300_000, declaredByteLength: 'unknown' })
        await storedOrRefused(subject, trial, source)
      },
    },
    {
      name: 'stores an empty video unchanged, or refuses it with an error of the library',
      async check(subject, trial) {
        await storedOrRefused(subject, trial, fakeSource({ byteLength: 0 }))
      },
    },
    {
      name: 'resumes a source that was cut at the same byte, or gives an error of the library',
      async check(subject, trial) {
        await storedOrRefused(subject, trial, fakeSource({ byteLength: 200_000, failAfterBytes: [70_000] }))
      },
    },
    {
      name: 'keeps simultaneous uploads apart',
      async check(subject, trial) {
        const sources = [1, 2, 3].map((seed) => fakeSource({ byteLength: 150_000, seed }))
        const upload = (source: FakeSource) => subject.uploader.upload(source, trial.context())
        const uploads = await trial.settle(Promise.all(sources.map(upload)), 'upload, three at once')
        const urls = new Set(uploads.map(({ url }) => url))
        assert.equal(urls.size, sources.length, 'uploads of different runs must have different URLs')
        for (const [index, { url }] of uploads.entries()) await compare(subject, url, sources[index])
      },
    },
    {
      name: 'never overwrites: a second upload leaves the first one unchanged',
      async check(subject, trial) {
        const address = 'https://videos.openai.com/a.mp4'
        const first = fakeSource({ byteLength: 2_000, seed: 1, url: address })
        const second = fakeSource({ byteLength: 1_000, seed: 2, url: address })
        const runId = 'run_same'
        const { url } = await trial.settle(subject.uploader.upload(first, trial.context({ runId })), 'upload')
        const again = outcomeOf(subject.uploader.upload(second, trial.context({ runId })))
        const { error, isRejected } = await trial.settle(again, 'the second upload')
        if (isRejected) trial.isTyped(error, 'the second upload')
        await compare(subject, url, first)
      },
    },
  ]
}

async function storedOrRefused(subject: UploaderSubject, trial: Trial, source: FakeSource): Promise<void> {
  const before = await subject.list?.()
  let url: string
  try {
    url = (await trial.settle(subject.uploader.upload(source, trial.context()), 'upload')).url
  } catch (error) {
    // A refusal is allowed; only the kind of the error and the store are checked.
    trial.isTyped(error, 'upload')
    assert.deepEqual(await subject.list?.(), before, 'a refused upload must leave nothing in the store')
    assert.equal(source.openStreams, 0, 'upload must close the source')
    return
  }
  await compare(subject, url, source)
}

async function uploadAndCompare(subject: UploaderSubject, trial: Trial, source: FakeSource): Promise<void> {
  const { url } = await trial.settle(subject.uploader.upload(source, trial.context()), 'upload')
  await compare(subject, url, source)
}

async function compare(subject: UploaderSubject, url: string, source: FakeSource | undefined): Promise<void> {
  assert.ok(source)
  const expected = source.slice()
  assert.ok(
    source.bytesGiven >= expected.length,
    `upload must read all of the source, but read ${source.bytesGiven} bytes`,
  )
  assert.equal(source.openStreams, 0, 'upload must close the source')
  if (subject.read === undefined) return
  const stored = await subject.read(url)
  assert.equal(stored.length, expected.length, `as many bytes must be stored as the source has: ${stored.length}`)
  const first = stored.findIndex((byte, index) => byte !== expected[index])
  assert.equal(first, -1, `the bytes must be stored unchanged, but differ from byte: ${first}`)
}
