import assert from 'node:assert/strict'
import type { JsonObject } from '../../contracts/json.js'
import { RETAINED_MS, retainedRun } from '../../contracts/retained-run.js'
import type { RunStore, StoredRun } from '../../contracts/run-store.js'
import type { ConformanceCase } from './conformance-suite.js'
import { optionalCase, type RunStoreSubject } from './run-store-subject.js'
import { isGone, isKept, sha256Of } from './store-media-cases.js'

const NOW = 1_767_225_600_000
const HOUR = 3_600_000
const PRUNE = { endedBefore: NOW, now: NOW }

/** Cases about removing ended runs; a store without `prune` passes them all. */
export const storeRetentionCases: readonly ConformanceCase<RunStoreSubject>[] = [
  optionalCase(
    ['prune'],
    'forgets runs that completed or failed before an instant, and counts them',
    async (store, reopen) => {
      await store.create('run_1', ended('completed', { endedAt: NOW - 1 }))
      await store.create('run_2', running())
      await store.save('run_2', 1, ended('failed', { endedAt: NOW - 30 * 24 * HOUR, removedAt: NOW }))
      await store.create('run_3', { status: 'completed', wakeAt: 0 })
      assert.equal(await store.prune(PRUNE), 3, 'prune must resolve to how many runs it forgot')
      for (const each of [store, await reopen()]) {
        for (const id of ['run_1', 'run_2', 'run_3']) {
          assert.equal(await each.load(id), undefined, `load must give nothing for the forgotten ${id}`)
        }
        assert.deepEqual(await listOf(each), [], 'list must leave out forgotten runs')
      }
      assert.equal(await store.prune(PRUNE), 0, 'a second prune must find nothing to forget')
    },
  ),
  optionalCase(['prune'], 'keeps runs that are running, in review, or ended later', async (store) => {
    const states = {
      run_1: { ...running(), endedAt: NOW - HOUR },
      run_2: ended('needs-review', { endedAt: NOW - HOUR }),
      run_3: ended('completed', { endedAt: NOW }),
      run_4: ended('failed', { endedAt: NOW + HOUR }),
      run_5: { status: 'needs-review', wakeAt: 0 },
    } satisfies Record<string, StoredRun>
    for (const [id, state] of Object.entries(states)) await store.create(id, state)
    assert.equal(await store.prune({ ...PRUNE, now: NOW + 48 * HOUR }), 0, 'prune must forget none of these runs')
    for (const [id, state] of Object.entries(states)) {
      assert.deepEqual((await store.load(id))?.state, state, `prune must keep ${id} unchanged`)
    }
  }),
  optionalCase(['prune'], 'follows a save that ends a run or continues it', async (store) => {
    await store.create('run_1', ended('failed', { endedAt: NOW - HOUR }))
    await store.create('run_2', ended('needs-review', { endedAt: NOW - HOUR }))
    await store.create('run_3', ended('failed', { endedAt: NOW - HOUR }))
    await store.save('run_1', 1, running())
    await store.save('run_2', 1, ended('failed', { endedAt: NOW - HOUR }))
    await store.save('run_3', 1, ended('failed', { endedAt: NOW + HOUR }))
    assert.equal(await store.prune(PRUNE), 1, 'prune must go by the newest states')
    assert.equal((await store.load('run_1'))?.version, 2, 'a run that runs again must stay')
    assert.equal(await store.load('run_2'), undefined, 'a run that was settled must be forgotten')
    assert.equal((await store.load('run_3'))?.version, 2, 'a run that now ends later must stay')
  }),
  optionalCase(['prune'], 'lets the id of a forgotten run be created again', async (store) => {
    await store.create('run_1', ended('completed'))
    await store.save('run_1', 1, ended('completed', { error: 'old' }))
    await store.prune(PRUNE)
    assert.equal(await store.create('run_1', running()), true, 'create must accept the id of a forgotten run')
    const { version, state } = (await store.load('run_1')) ?? {}
    assert.deepEqual({ version, state }, { version: 1, state: running() }, 'the new run must begin at version 1')
    assert.deepEqual([...(await store.due(100, 10))], ['run_1'], 'the new run must be due')
    assert.equal(await store.prune({ ...PRUNE, now: NOW + 48 * HOUR }), 0, 'the new run must not be forgotten')
    assert.ok(await store.load('run_1'), 'the new run must stay')
  }),
  optionalCase(['prune'], 'retains the answer to a caller’s id for 24 hours after the end', async (store, reopen) => {
    const state = ended('failed', { id: 'run_1', isCallerId: true, endedAt: NOW - HOUR, ...ANSWER })
    await store.create('run_1', state)
    assert.equal(await store.prune(PRUNE), 1, 'prune must count a run with retained data')
    for (const [when, now] of Object.entries({ 'the prune': NOW, '23 hours': NOW - HOUR + RETAINED_MS - 1 })) {
      assert.equal(await store.prune({ endedBefore: NOW, now }), 0, 'prune must not count the retained run again')
      for (const each of [store, await reopen()]) {
        const loaded = await each.load('run_1')
        assert.ok(loaded, `load must give the retained run after ${when}`)
        const { id, status, error, candidates, request } = loaded.state
        assert.deepEqual({ id, status, error, candidates }, { id: 'run_1', status: 'failed', ...ANSWERED })
        assert.deepEqual(request, { prompt: '' }, 'the prompt must be gone')
        assert.deepEqual(loaded.state, retainedRun(state), 'load must give what retainedRun makes of the state')
        assert.equal(await each.create('run_1', running()), false, 'create must refuse the id of a retained run')
      }
    }
    assert.deepEqual([...(await store.due(NOW, 10))], [], 'a retained run is not due')
  }),
  optionalCase(['prune'], 'forgets the id of a caller 24 hours after the end', async (store) => {
    const callers = { isCallerId: true, ...ANSWER }
    await store.create('run_late', ended('completed', { endedAt: NOW - 2 * HOUR, ...callers }))
    await store.create('run_early', ended('completed', { endedAt: NOW - 20 * HOUR, ...callers }))
    await store.create('run_old', ended('completed', { endedAt: NOW - 30 * HOUR, ...callers }))
    assert.equal(await store.prune(PRUNE), 3, 'prune must count every run that it forgets')
    assert.equal(await store.load('run_old'), undefined, 'nothing is retained of a run that ended over 24 hours ago')
    await store.prune({ endedBefore: NOW, now: NOW + 5 * HOUR })
    assert.equal(await store.load('run_early'), undefined, 'it must be gone 25 hours after its end')
    assert.ok(await store.load('run_late'), 'it must be there 7 hours after its end')
    await store.prune({ endedBefore: NOW, now: NOW + 22 * HOUR + 1 })
    assert.equal(await store.load('run_late'), undefined, 'it must be gone 24 hours after its end')
    assert.deepEqual(await listOf(store), [], 'list must leave out removed runs')
    assert.equal(await store.create('run_late', running()), true, 'create must accept an id that is gone')
  }),
  optionalCase(
    ['prune', 'putMedia', 'getMedia', 'dropMedia'],
    'drops the media of forgotten runs, and keeps those of others',
    async (store) => {
      await store.create('run_1', ended('completed'))
      await store.create('run_2', ended('completed', { isCallerId: true, endedAt: NOW - HOUR }))
      await store.create('run_3', running())
      const [own, callers, shared] = [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)]
      const media = { run_1: [own, shared], run_2: [callers, shared], run_3: [shared] }
      for (const [id, all] of Object.entries(media)) {
        for (const bytes of all) await store.putMedia(id, await sha256Of(bytes), bytes)
      }
      assert.equal(await store.prune(PRUNE), 2, 'prune must forget both runs')
      await isGone(store, own, 'media must go with a forgotten run')
      await isGone(store, callers, 'media must go with a run with retained data')
      await isKept(store, shared, 'media that another run refers to must stay')
      await store.dropMedia('run_3')
      await isGone(store, shared, 'a forgotten run must not keep media')
    },
  ),
  optionalCase(
    ['prune', 'putMedia', 'getMedia', 'dropMedia'],
    'drops media that came after their run was removed, with its retained data',
    async (store) => {
      await store.create('run_1', ended('completed', { isCallerId: true, endedAt: NOW - HOUR }))
      await store.prune(PRUNE)
      const bytes = Uint8Array.of(1)
      await store.putMedia('run_1', await sha256Of(bytes), bytes)
      await store.prune({ endedBefore: NOW, now: NOW + RETAINED_MS })
      await isGone(store, bytes, 'media must be removed with the retained data of a run')
    },
  ),
  optionalCase(
    ['prune'],
    'keeps the claims of a forgotten run for 24 hours, and frees them then',
    async (store, reopen) => {
      await store.create('run_1', ended('completed', { endedAt: NOW - 48 * HOUR }))
      await store.create('run_2', ended('completed', { endedAt: NOW - HOUR, isCallerId: true }))
      await store.create('run_3', running())
      const jobs = { job_1: 'run_1', job_2: 'run_2', job_3: 'run_3' }
      for (const [job, id] of Object.entries(jobs)) await store.claim('gen', job, id)
      const other = await reopen()
      for (const now of [NOW, NOW + RETAINED_MS - 1]) {
        await store.prune({ endedBefore: NOW, now })
        for (const job of Object.keys(jobs)) {
          assert.equal(await other.claim('gen', job, 'run_4'), false, `the claim of ${job} must stay for 24 hours`)
        }
      }
      await store.prune({ endedBefore: NOW, now: NOW + RETAINED_MS + 1 })
      assert.equal(await other.claim('gen', 'job_1', 'run_4'), true, 'the claim must be free after 24 hours')
      assert.equal(await other.claim('gen', 'job_2', 'run_4'), true, 'so must that of a run that was retained')
      assert.equal(
        await other.claim('gen', 'job_3', 'run_4'),
        false,
        'a run that was not forgotten must keep its claim',
      )
      assert.equal(await store.claim('gen', 'job_1', 'run_5'), false, 'a claim that was freed has one new claimant')
    },
  ),
  optionalCase(['prune'], 'keeps the claims of a run that has the id of a forgotten one', async (store) => {
    await store.create('run_1', ended('completed'))
    await store.claim('gen', 'job_1', 'run_1')
    await store.prune(PRUNE)
    await store.create('run_1', running())
    for (const job of ['job_1', 'job_3']) {
      assert.equal(await store.claim('gen', job, 'run_1'), true, `the new run must get ${job}`)
    }
    await store.prune({ endedBefore: NOW, now: NOW + RETAINED_MS + 1 })
    for (const job of ['job_1', 'job_3']) {
      assert.equal(await store.claim('gen', job, 'run_2'), false, `the run still runs and must keep ${job}`)
    }
  }),
  optionalCase(['prune'], 'keeps the claims of a run for 24 hours, whenever another run had its id', async (store) => {
    await store.create('run_1', ended('completed'))
    await store.prune(PRUNE)
    await store.create('run_1', ended('completed'))
    await store.claim('gen', 'job_1', 'run_1')
    const later = NOW + RETAINED_MS + 1
    assert.equal(await store.prune({ endedBefore: NOW, now: later }), 1, 'prune must forget the second run')
    for (const now of [later, later + RETAINED_MS - 1]) {
      await store.prune({ endedBefore: NOW, now })
      assert.equal(await store.claim('gen', 'job_1', 'run_2'), false, 'the claim must stay for 24 hours')
    }
    await store.prune({ endedBefore: NOW, now: later + RETAINED_MS })
    assert.equal(await store.claim('gen', 'job_1', 'run_2'), true, 'the claim must be free after 24 hours')
  }),
]

const ANSWERED = {
  error: { code: 'network' },
  candidates: [{ url: 'https://video.example/1.mp4' }],
} satisfies JsonObject
const ANSWER = {
  ...ANSWERED,
  v: 1,
  fingerprint: 'f',
  request: { prompt: 'A cat playing piano' },
  attempts: [{ strategy: 'gen' }],
  warnings: ['secret'],
  worker: 'worker_1',
} satisfies JsonObject

async function listOf(store: RunStore): Promise<readonly string[]> {
  return [...((await store.list?.({ order: 'oldest-first', limit: 100 })) ?? [])]
}

type Fields = JsonObject & Partial<Pick<StoredRun, 'removedAt' | 'isCallerId' | 'endedAt'>>

function ended(status: StoredRun['status'], { endedAt = NOW - HOUR, ...fields }: Fields = {}): StoredRun {
  return { status, wakeAt: 0, startedAt: 50, endedAt, ...fields }
}

function running(): StoredRun {
  return { status: 'running', wakeAt: 100, startedAt: 50 }
}
