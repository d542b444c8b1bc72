import assert from 'node:assert/strict'
import type { StoredRun } from '../../contracts/run-store.js'
import type { ConformanceCase } from './conformance-suite.js'
import { optionalCase, type RunStoreSubject, type StoreWith } from './run-store-subject.js'
import { isInvalid } from './store-refusals.js'

type MediaStore = StoreWith<(typeof METHODS)[number]>

const METHODS = ['putMedia', 'getMedia', 'dropMedia'] as const
const RUNS = Array.from({ length: 20 }, (_, index) => `run_${index}`)
const AWKWARD_IDS = ['a', 'A', 'a/b', '../a', '..', '%2e%2e', "a'b", 'ü日本🎬', 'a:*?', `${'long-'.repeat(50)}id`]

/** Cases about media; a store with none of the three methods passes them all. */
export const storeMediaCases: readonly ConformanceCase<RunStoreSubject>[] = [
  {
    name: 'has putMedia, getMedia and dropMedia, or none of them',
    async check({ store }) {
      const missing = METHODS.filter((method) => store[method] === undefined)
      assert.ok(missing.length % METHODS.length === 0, `a store with media must have ${missing.join(' and ')} as well`)
    },
  },
  mediaCase('gives media unchanged, whatever their length', async (store) => {
    const all = [Uint8Array.of(0), Uint8Array.from({ length: 256 }, (_, byte) => byte), pattern(1_048_576)]
    for (const bytes of all) await store.putMedia('run_0', await sha256Of(bytes), bytes)
    for (const bytes of all) await isKept(store, bytes, `${bytes.length} bytes must be returned unchanged`)
  }),
  mediaCase('gives nothing for media that no run refers to', async (store) => {
    await store.putMedia('run_0', await sha256Of(Uint8Array.of(1)), Uint8Array.of(1))
    await isGone(store, Uint8Array.of(2), 'bytes that were never put are unknown')
  }),
  mediaCase('keeps media until the last run that refers to them drops them', async (store) => {
    const bytes = pattern(1000)
    for (const id of ['run_0', 'run_1']) await store.putMedia(id, await sha256Of(bytes), bytes)
    await store.dropMedia('run_0')
    await isKept(store, bytes, 'media that another run refers to must stay')
    await store.dropMedia('run_0')
    await isKept(store, bytes, 'a run that drops twice must not drop the reference of another')
    await store.dropMedia('run_1')
    await isGone(store, bytes, 'media must be removed with their last reference')
    await store.putMedia('run_1', await sha256Of(bytes), bytes)
    await isKept(store, bytes, 'media that were dropped can be put again')
  }),
  mediaCase('counts media that a run puts twice as one reference', async (store) => {
    const bytes = pattern(1000)
    for (const id of ['run_0', 'run_0']) await store.putMedia(id, await sha256Of(bytes), bytes)
    await isKept(store, bytes, 'a second put must keep the bytes')
    await store.dropMedia('run_0')
    await isGone(store, bytes, 'one drop must remove what the run put twice')
  }),
  mediaCase('drops everything that a run refers to, and nothing else', async (store) => {
    const [one, two, shared, other] = [pattern(10), pattern(20), pattern(30), pattern(40)]
    for (const bytes of [one, two, shared]) await store.putMedia('run_0', await sha256Of(bytes), bytes)
    for (const bytes of [shared, other]) await store.putMedia('run_1', await sha256Of(bytes), bytes)
    await store.dropMedia('run_0')
    for (const bytes of [one, two]) await isGone(store, bytes, 'all media of the run must go')
    for (const bytes of [shared, other]) await isKept(store, bytes, 'media of another run must stay')
  }),
  mediaCase('does nothing when a run without media drops them', async (store) => {
    const bytes = pattern(10)
    await store.putMedia('run_0', await sha256Of(bytes), bytes)
    for (const id of ['run_1', 'run_unknown', '']) await store.dropMedia(id)
    await isKept(store, bytes, 'media of another run must stay')
  }),
  mediaCase('refuses media with a different SHA-256, and keeps nothing', async (store) => {
    const bytes = pattern(1000)
    const [right, wrong] = [await sha256Of(bytes), await sha256Of(pattern(999))]
    for (const sha256 of [wrong, right.toUpperCase(), right.slice(1), '']) {
      await isInvalid(store.putMedia('run_0', sha256, bytes), 'sha256', `putMedia with the SHA-256 "${sha256}"`)
    }
    for (const sha256 of [wrong, right]) {
      assert.ok((await store.getMedia(sha256)) === undefined, 'a refused putMedia must keep nothing')
    }
    await store.putMedia('run_0', right, bytes)
    await isInvalid(store.putMedia('run_0', right, pattern(999)), 'sha256', 'putMedia with other bytes')
    await isKept(store, bytes, 'a refused putMedia must not replace what is kept')
  }),
  mediaCase('keeps media unaffected by later changes', async (store) => {
    const bytes = pattern(1000)
    // A view, as parsers return them.
    const given = pattern(3000).subarray(500, 1500)
    given.set(bytes)
    await store.putMedia('run_0', await sha256Of(bytes), given)
    given.fill(1)
    await isKept(store, bytes, 'a change of the bytes that were given must not affect the store')
    const got = await store.getMedia(await sha256Of(bytes))
    got?.fill(2)
    await isKept(store, bytes, 'a change of the bytes that were read must not affect the store')
  }),
  mediaCase('keeps the media of runs apart, whatever the characters of their ids', async (store) => {
    const media = AWKWARD_IDS.map((id, index) => ({ id, bytes: pattern(10 + index) }))
    for (const { id } of media) await store.create(id, running())
    for (const { id, bytes } of media) await store.putMedia(id, await sha256Of(bytes), bytes)
    for (const [index, { id, bytes }] of media.entries()) {
      await store.dropMedia(id)
      await isGone(store, bytes, `the media of ${id} must go`)
      for (const later of media.slice(index + 1)) await isKept(store, later.bytes, `the media of ${later.id} must stay`)
    }
  }),
  mediaCase('counts the references of 20 runs that put the same media at once', async (store) => {
    const bytes = pattern(10_000)
    const sha256 = await sha256Of(bytes)
    await Promise.all(RUNS.map((id) => store.putMedia(id, sha256, bytes)))
    await Promise.all(RUNS.slice(1).map((id) => store.dropMedia(id)))
    await isKept(store, bytes, 'media that one run still refers to must stay')
    await store.dropMedia('run_0')
    await isGone(store, bytes, 'media must be removed with their last reference')
  }),
  mediaCase('shows media and their references to another process', async (store, reopen) => {
    const bytes = pattern(1000)
    await store.putMedia('run_0', await sha256Of(bytes), bytes)
    const other = await reopen()
    await isKept(other, bytes, 'another process must see the media')
    await other.putMedia('run_1', await sha256Of(bytes), bytes)
    await store.dropMedia('run_0')
    await isKept(store, bytes, 'the reference of another process counts')
    await other.dropMedia('run_1')
    await isGone(store, bytes, 'media must be removed with their last reference, whichever process drops it')
  }),
]

/** The SHA-256 of bytes, in lower-case hexadecimal digits. */
export async function sha256Of(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new Uint8Array(bytes))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Asserts that the store returns the bytes. */
export async function isKept(store: MediaStore, bytes: Uint8Array, what: string): Promise<void> {
  const got = await store.getMedia(await sha256Of(bytes))
  assert.ok(got instanceof Uint8Array, `${what}, but getMedia gave: ${got}`)
  assert.equal(await sha256Of(got), await sha256Of(bytes), `${what}, but getMedia gave ${got.length} other bytes`)
}

/** Asserts that the store does not have the bytes. */
export async function isGone(store: MediaStore, bytes: Uint8Array, what: string): Promise<void> {
  const got = await store.getMedia(await sha256Of(bytes))
  assert.ok(got === undefined, `${what}, but getMedia gave ${got?.length} bytes`)
}

function mediaCase(
  name: string,
  check: (store: MediaStore, reopen: () => Promise<MediaStore>) => Promise<void>,
): ConformanceCase<RunStoreSubject> {
  return optionalCase(METHODS, name, async (store, reopen) => {
    await Promise.all(RUNS.map((id) => store.create(id, running())))
    await check(store, reopen)
  })
}

function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let index = 0; index < length; index += 1) bytes[index] = (index * 31 + length) % 251
  return bytes
}

function running(): StoredRun {
  return { status: 'running', wakeAt: 100 }
}
