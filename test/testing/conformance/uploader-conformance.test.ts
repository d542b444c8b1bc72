import { describe, expect, test } from 'vitest'
import { NetworkError } from '../../../src/index.js'
import { fakeUploader, uploaderConformance } from '../../../src/testing/index.js'
import { failedCases } from './failed-cases.js'
import { memoryStore, type UploaderFaults } from './memory-store.js'

describe('a good uploader passes', () => {
  uploaderConformance({
    test,
    create: () => memoryStore(),
    createHanging: () => ({ uploader: fakeUploader({ hangs: true }) }),
    createFailing: () => ({ uploader: fakeUploader({ outcome: new NetworkError('Could not upload: refused') }) }),
  })
})

describe('a good uploader whose store cannot be read passes', () => {
  uploaderConformance({ test, sizes: [10], create: () => ({ uploader: memoryStore().uploader }) })
})

describe('an uploader that passes the address on passes', () => {
  uploaderConformance({ test, takes: 'url', create: () => ({ uploader: fakeUploader() }) })
})

const broken: readonly (readonly [string, UploaderFaults, string])[] = [
  ['drops a byte', { dropsByte: true }, 'stores the bytes unchanged (65536 bytes)'],
  ['drops a byte', { dropsByte: true }, 'stores the bytes of a source of unknown length unchanged, or refuses it'],
  [
    'refuses an empty video without a type',
    { untypedEmpty: true },
    'stores an empty video unchanged, or refuses it with an error of the library',
  ],
  [
    'splices a cut source wrongly',
    { resumesWrongly: true, ignoresLength: true },
    'resumes a source that was cut at the same byte, or gives an error of the library',
  ],
  ['gives every run the same place', { sharesKey: true }, 'keeps simultaneous uploads apart'],
  ['overwrites', { sharesKey: true }, 'never overwrites: a second upload leaves the first one unchanged'],
  [
    'does not compare the length',
    { ignoresLength: true },
    'refuses a source that ends before its length, and leaves nothing in the store',
  ],
  [
    'does not compare the length',
    { ignoresLength: true },
    'refuses a source that continues past its length, and leaves nothing in the store',
  ],
  ['leaves parts', { leavesParts: true }, 'refuses a source that keeps failing, and leaves nothing in the store'],
  [
    'takes a failure for the end',
    { swallowsFailures: true, ignoresLength: true },
    'refuses a source that keeps failing, and leaves nothing in the store',
  ],
  [
    'leaves the source open',
    { leavesStreamOpen: true },
    'stores the bytes of a source of unknown length unchanged, or refuses it',
  ],
  [
    'does not know the signal',
    { ignoresSignal: true },
    'an abort in the middle closes the source, rejects with the reason itself and leaves nothing in the store',
  ],
  [
    'wraps the reason',
    { wrapsAbort: true },
    'an abort in the middle closes the source, rejects with the reason itself and leaves nothing in the store',
  ],
  [
    'leaves parts',
    { leavesParts: true },
    'an abort in the middle closes the source, rejects with the reason itself and leaves nothing in the store',
  ],
  ['opens the source too early', { opensEarly: true }, 'an abort before the call does not open the source'],
]

test.each(broken)('an uploader that %s fails (%o)', async (_, faults, expected) => {
  const create = () => memoryStore(faults)
  const failed = await failedCases((collect) => uploaderConformance({ test: collect, timeoutMs: 100, create }))
  expect([...failed.keys()]).toContain(expected)
})

test.each([
  ['a wrong length', { url: 'https://store.example/a.mp4', byteLength: 5 }],
  ['an expiry that is no instant', { url: 'https://store.example/a.mp4', expiresAt: Number.POSITIVE_INFINITY }],
  ['a url without a host', { url: 'a.mp4' }],
])('an uploader that gives %s fails', async (_, outcome) => {
  const create = () => ({ uploader: fakeUploader({ outcome }) })
  const failed = await failedCases((collect) => uploaderConformance({ test: collect, takes: 'url', create }))
  expect([...failed.keys()]).toEqual(['gives a well-formed result, also to a context without warn'])
})

test('an uploader that stores nothing fails', async () => {
  const create = () => ({ uploader: fakeUploader() })
  const failed = await failedCases((collect) => uploaderConformance({ test: collect, timeoutMs: 50, create }))
  expect(failed.get('stores the bytes unchanged (1 bytes)')).toContain('upload must read all of the source')
  expect(failed.get('keeps simultaneous uploads apart')).toContain('different URLs')
  expect(failed.get('refuses a source that ends before its length, and leaves nothing in the store')).toContain(
    'must reject',
  )
})
