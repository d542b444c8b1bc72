import { describe, expect, it } from 'vitest'
import { sharedRequests } from '../../../src/http/machines/shared-requests.js'
import type { RepeatableCall } from '../../../src/http/routes/repeated-requests.js'
import { memoryStore, type RunStore } from '../../../src/index.js'
import { manualClock } from '../../../src/testing/index.js'

const call = (more: Partial<RepeatableCall> = {}): RepeatableCall => ({
  owner: 'ann',
  route: 'videos',
  video: { prompt: 'A cat' },
  otherFields: {},
  headers: new Headers(),
  endsWithSender: false,
  ...more,
})
const marked = call({ headers: new Headers({ 'x-stainless-retry-count': '1' }) })
const request = (signal?: AbortSignal) => new Request('http://127.0.0.1/', { ...(signal && { signal }) })

type Notes = Required<Pick<RunStore, 'readNote' | 'saveNote' | 'dueNotes'>>

/** Processes over one store, each with a clock of its own that stands still once it is dead. */
function machines(windowMs = 600_000) {
  const clock = manualClock()
  const store = memoryStore({ clock }) as RunStore & Notes
  const machine = (own = clock, notes: Notes = store) => {
    const requests = sharedRequests(
      { notes, load: store.load, closing: new AbortController().signal },
      { windowMs, clock: own },
    )
    const begin = (each: RepeatableCall, id: string, sent = request()) =>
      requests.begin(sent, each, { id, joined: false })
    const handle = async (each: RepeatableCall, id: string, state: Parameters<typeof requests.end>[1]) => {
      const sent = request()
      const run = await begin(each, id, sent)
      requests.end(sent, state)
      await settled()
      return run
    }
    return { begin, handle, requests }
  }
  return { clock, store, machine }
}

// What a promise resolved to within some turns of the event loop.
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

describe('an identical request at another process', () => {
  it.each([
    ['unheard', 'run_1'],
    ['unclear', 'run_1'],
    ['given', 'run_2'],
    [undefined, 'run_2'],
  ] as const)('after one that is %s is for %s', async (state, run) => {
    const { machine } = machines()
    await machine().handle(call(), 'run_1', state)
    expect(await machine().begin(call(), 'run_2')).toBe(run)
  })

  it.each(['unheard', 'given'] as const)('and marked as a retry, is for the run: %s', async (state) => {
    const { machine } = machines()
    await machine().handle(call(), 'run_1', state)
    expect(await machine().begin(marked, 'run_2')).toBe('run_1')
  })

  it('and marked as a retry, is for the run that still waits', async () => {
    const { machine } = machines()
    await machine().begin(call(), 'run_1')
    expect(await machine().begin(marked, 'run_2')).toBe('run_1')
  })

  it('of two that arrive at once and are marked as retries, has one run', async () => {
    const { machine } = machines()
    const runs = await Promise.all([machine().begin(marked, 'run_1'), machine().begin(marked, 'run_2')])
    expect(new Set(runs).size).toBe(1)
  })

  it('of another owner, route or content is for a run of its own', async () => {
    const { machine } = machines()
    await machine().handle(call(), 'run_1', 'unheard')
    for (const other of [{ owner: 'bob' }, { route: 'chat' }, { video: { prompt: 'A dog' } }])
      expect(await machine().begin(call(other), 'run_2')).toBe('run_2')
  })

  it('is for a run of its own when the other process lives, once it beats', async () => {
    const { clock, machine } = machines()
    await machine().begin(call(), 'run_1')
    let run: string | undefined
    void machine()
      .begin(call(), 'run_2')
      .then((id) => {
        run = id
      })
    await clock.advance(1000)
    await settled()
    expect(run).toBeUndefined()
    await clock.advance(2500)
    await settled()
    expect(run).toBe('run_2')
  })

  it('joins the run of a process that died, once its beat has expired', async () => {
    const { clock, machine } = machines()
    await machine(manualClock()).begin(call(), 'run_1')
    let run: string | undefined
    void machine()
      .begin(call(), 'run_2')
      .then((id) => {
        run = id
      })
    await clock.advance(9000)
    await settled()
    expect(run).toBeUndefined()
    await clock.advance(1200)
    await settled()
    expect(run).toBe('run_1')
  })

  it('stops waiting when its client disconnects', async () => {
    const { clock, machine } = machines()
    await machine(manualClock()).begin(call(), 'run_1')
    const client = new AbortController()
    const waiting = machine().begin(call(), 'run_2', request(client.signal))
    await clock.advance(300)
    const reason = new Error('gone')
    client.abort(reason)
    await expect(waiting).rejects.toBe(reason)
  })

  it('does not join a run that its owner removed', async () => {
    const { machine, store } = machines()
    await machine().handle(call(), 'run_1', 'unheard')
    await store.create('run_1', { status: 'failed', wakeAt: 0, removedAt: 1 })
    expect(await machine().begin(call(), 'run_2')).toBe('run_2')
  })

  it('is remembered as long as configured', async () => {
    const { clock, machine } = machines(1000)
    await machine().handle(call(), 'run_1', 'unheard')
    await clock.advance(999)
    expect(await machine().begin(call({ video: { prompt: 'A dog' } }), 'run_2')).toBe('run_2')
    await clock.advance(1)
    expect(await machine().begin(call(), 'run_3')).toBe('run_3')
  })

  it('of two that were left, each is matched with one repeated request', async () => {
    const { machine } = machines()
    const first = machine()
    const sent = [request(), request()]
    for (const [index, each] of sent.entries()) await first.begin(call(), `run_${index + 1}`, each)
    for (const each of sent) first.requests.end(each, 'unheard')
    await settled()
    const others = [await machine().begin(call(), 'run_3'), await machine().begin(call(), 'run_4')]
    expect(others).toEqual(['run_1', 'run_2'])
  })
})

it('an end that the store did not take is repeated with the next beat, and the process counts as dead until then', async () => {
  const { clock, machine, store } = machines()
  let isDown = false
  const notes: Notes = {
    ...store,
    saveNote: (...given) => (isDown ? Promise.reject(new Error('down')) : store.saveNote(...given)),
  }
  const first = machine(clock, notes)
  const sent = request()
  await first.begin(call(), 'run_1', sent)
  isDown = true
  first.requests.end(sent, 'unclear')
  await settled()
  isDown = false
  await clock.advance(3000)
  await settled()
  expect(await machine().begin(call(), 'run_2')).toBe('run_1')
})

it('a process without waiting clients uses the store no more', async () => {
  const { clock, machine, store } = machines()
  let saves = 0
  const notes: Notes = {
    ...store,
    saveNote: (...given) => {
      saves += 1
      return store.saveNote(...given)
    },
  }
  await machine(clock, notes).handle(call(), 'run_1', 'given')
  await clock.advance(10_000)
  const before = saves
  await clock.advance(60_000)
  expect([saves - before, before]).toEqual([0, 3])
})
