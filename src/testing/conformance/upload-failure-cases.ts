import assert from 'node:assert/strict'
import { type FakeSource, fakeSource } from '../fake-source.js'
import type { ConformanceCase } from './conformance-suite.js'
import type { Trial } from './trial.js'
import type { UploaderSubject } from './uploader-subject.js'

/** Cases about uploads that must fail, and what they leave in the store. */
export const uploadFailureCases: readonly ConformanceCase<UploaderSubject>[] = [
  {
    name: 'refuses a source that ends before its length, and leaves nothing in the store',
    check: (subject, trial) =>
      refuses(subject, trial, fakeSource({ byteLength: 150_000, declaredByteLength: 200_000 })),
  },
  {
    name: 'refuses a source that continues past its length, and leaves nothing in the store',
    check: (subject, trial) =>
      refuses(subject, trial, fakeSource({ byteLength: 200_000, declaredByteLength: 150_000 })),
  },
  {
    name: 'refuses a source that keeps failing, and leaves nothing in the store',
    async check(subject, trial) {
      const failAfterBytes = [10_000, ...Array<number>(1_000).fill(0)]
      await refuses(subject, trial, fakeSource({ byteLength: 200_000, failAfterBytes }))
    },
  },
  {
    name: 'an abort in the middle closes the source, rejects with the reason itself and leaves nothing in the store',
    async check(subject, trial) {
      const source = fakeSource({ byteLength: 200_000, hangsAfterBytes: 70_000 })
      const before = await subject.list?.()
      const controller = new AbortController()
      const upload = subject.uploader.upload(source, trial.context({ signal: controller.signal }))
      let isSettled = false
      const settled = () => {
        isSettled = true
      }
      upload.then(settled, settled)
      await trial.eventually(() => isSettled || source.bytesGiven === 70_000, 'reading the source')
      assert.ok(!isSettled, 'upload must wait while the source hangs, but it settled')
      await trial.rejectsWithReason(upload, controller, 'upload')
      await trial.eventually(() => source.openStreams === 0, 'closing the source')
      await leavesNothing(subject, trial, before)
    },
  },
]

async function refuses(subject: UploaderSubject, trial: Trial, source: FakeSource): Promise<void> {
  const before = await subject.list?.()
  await trial.rejectsTyped(subject.uploader.upload(source, trial.context()), 'upload')
  await trial.eventually(() => source.openStreams === 0, 'closing the source')
  await leavesNothing(subject, trial, before)
}

// The clean-up may continue for a moment after the rejection.
async function leavesNothing(subject: UploaderSubject, trial: Trial, before: readonly string[] | undefined) {
  const isAsBefore = async () => JSON.stringify(await subject.list?.()) === JSON.stringify(before)
  await trial.eventually(isAsBefore, 'removing the remains of a failed upload')
}
