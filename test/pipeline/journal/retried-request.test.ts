import { describe, expect, it } from 'vitest'
import { memoryStore, type RunStore, type VideoRequest } from '../../../src/index.js'
import { retriedRequest } from '../../../src/pipeline/journal/retried-request.js'
import { configOf } from '../../../src/pipeline/pipeline-config.js'
import type { RunState } from '../../../src/pipeline/state/run-state.js'
import { storedRequest } from '../../../src/pipeline/state/stored-request.js'
import { toStoredRun } from '../../../src/pipeline/state/stored-run.js'
import { fakeGenerator, manualClock } from '../../../src/testing/index.js'
import { NOW, REQUEST, stateOf } from '../generate/prepared-runs.js'
import { down, isDown, isInvalid, isRefusal, recordedStore } from './recorded-store.js'

const PNG = { bytes: new Uint8Array([137, 80, 78, 71]), mediaType: 'image/png' }
const JPEG = { bytes: new Uint8Array([255, 216]), mediaType: 'image/jpeg' }
const MP4 = { bytes: new Uint8Array([0, 0, 0, 24]), mediaType: 'video/mp4' }
const FAILED: Partial<RunState> = { status: 'failed', endedAt: NOW }

/** A store with `run_1` of a request, with its media unless that is gone. */
async function world(
  request: VideoRequest,
  {
    state = FAILED,
    isMediaGone = false,
    change = {},
  }: {
    readonly state?: Partial<RunState>
    readonly isMediaGone?: boolean
    readonly change?: Partial<RunStore>
  } = {},
) {
  const memory = memoryStore()
  const { request: stored, media } = storedRequest(request, { canKeepMedia: true })
  await memory.create('run_1', toStoredRun(stateOf('run_1', { ...state, request: stored as typeof REQUEST })))
  for (const { sha256, bytes } of isMediaGone ? [] : media) await memory.putMedia?.('run_1', sha256, bytes)
  const { store, callsOf } = recordedStore(memory, change)
  const config = configOf({ generator: fakeGenerator(), store, clock: manualClock() })
  const retry = (changes: Partial<VideoRequest> = {}, id = 'run_1') => retriedRequest(config, id, changes)
  return { retry, callsOf }
}

describe('a run that cannot be retried', () => {
  it.each<[string, Partial<RunState>, string]>([
    ['was removed', { ...FAILED, removedAt: 0 }, 'the store does not know it'],
    ['is running', {}, 'it is still running'],
    ['is in review', { status: 'needs-review' }, 'it is in review; settle it, or a job may be paid twice'],
  ])('%s', async (_, state, reason) => {
    const { retry } = await world(REQUEST, { state })
    await expect(retry()).rejects.toMatchObject(isRefusal(`Could not retry the run, ${reason}: run_1`))
  })

  it('is not known to the store', async () => {
    const { retry } = await world(REQUEST)
    const error = isRefusal('Could not retry the run, the store does not know it: run_2')
    await expect(retry({}, 'run_2')).rejects.toMatchObject(error)
  })
})

describe('the request of a run that is retried', () => {
  it.each<[string, VideoRequest]>([
    ['without media', { ...REQUEST, durationSeconds: 8 }],
    ['with an image at a URL', { ...REQUEST, image: 'https://cdn.example/a.png' }],
    ['with an image', { ...REQUEST, image: PNG }],
    ['with a video', { ...REQUEST, video: MP4 }],
    ['with both', { ...REQUEST, image: PNG, video: MP4 }],
  ])('is the same, %s', async (_, request) => {
    for (const status of ['failed', 'completed'] as const) {
      const { retry } = await world(request, { state: { status, endedAt: NOW, owner: 'o' } })
      expect(await retry()).toStrictEqual({ request, owner: 'o' })
    }
  })

  it('has the changes in the place of its own fields', async () => {
    const { retry } = await world({ ...REQUEST, durationSeconds: 8, size: '1280x720' })
    const { request, owner } = await retry({ prompt: 'A dog', durationSeconds: 4 })
    expect(request).toEqual({ prompt: 'A dog', durationSeconds: 4, size: '1280x720' })
    expect(owner).toBeUndefined()
  })

  it('needs another prompt once its own was erased', async () => {
    const { retry } = await world({ prompt: '' })
    await expect(retry()).rejects.toMatchObject(isInvalid('prompt', 'erased', 'give it again'))
    expect((await retry({ prompt: 'A dog' })).request).toEqual({ prompt: 'A dog' })
  })
})

describe('media of a run that is retried', () => {
  it.each([
    ['image', { image: PNG }, 'image/png'],
    ['video', { image: 'https://cdn.example/a.png', video: MP4 }, 'video/mp4'],
  ] as const)('has to be given again when the %s is gone', async (field, media, mediaType) => {
    const error = isInvalid(field, `${mediaType} of a run that has ended`, 'give it again')
    const gone = await world({ ...REQUEST, ...media }, { isMediaGone: true })
    await expect(gone.retry()).rejects.toMatchObject(error)
    const elsewhere = await world({ ...REQUEST, ...media }, { change: { getMedia: undefined } as never })
    await expect(elsewhere.retry()).rejects.toMatchObject(error)
  })

  it.each<[string, Partial<VideoRequest>, VideoRequest['image']]>([
    ['other media', { image: JPEG }, JPEG],
    ['nothing', { image: undefined }, undefined],
  ])('is not read from the store when %s is given', async (_, changes, image) => {
    const { retry, callsOf } = await world({ ...REQUEST, image: PNG }, { isMediaGone: true })
    expect((await retry(changes)).request).toEqual({ ...REQUEST, image })
    expect(callsOf('getMedia')).toEqual([])
  })

  it('cannot be read from a store that is down', async () => {
    const { retry } = await world({ ...REQUEST, image: PNG }, { change: { getMedia: down } })
    const error = isDown('Could not read the media of the run, the store is down: run_1')
    await expect(retry()).rejects.toMatchObject(error)
  })
})
