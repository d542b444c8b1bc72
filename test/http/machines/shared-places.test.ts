import { describe, expect, it } from 'vitest'
import { sharedPlaces } from '../../../src/http/machines/shared-places.js'
import { memoryStore, type PipelineRun, type RunStore } from '../../../src/index.js'
import { manualClock } from '../../../src/testing/index.js'

type Notes = Required<Pick<RunStore, 'readNote' | 'saveNote' | 'dueNotes'>>

const running = { status: 'running', wakeAt: 0 } as const

/** Places of one owner at two processes over one store. */
function machines(limit: number) {
  const clock = manualClock()
  const store = memoryStore({ clock }) as RunStore & Notes
  const shared = { notes: store, load: store.load, closing: new AbortController().signal }
  const [a, b] = [sharedPlaces(limit, shared, clock), sharedPlaces(limit, shared, clock)]
  const start = async (id: string) => {
    await store.create(id, running)
    return { id } as PipelineRun
  }
  const begin = (places: typeof a, id: string, owner = 'ann') => places.begin({ owner, id }, () => start(id))
  return { clock, store, a, b, begin }
}

const tooMany = { status: 429, code: 'too_many_runs' }

describe('unfinished runs of one owner at two processes', () => {
  it('are counted together', async () => {
    const { a, b, begin } = machines(2)
    await begin(a, '1')
    await begin(b, '2')
    for (const places of [a, b]) await expect(begin(places, '3')).rejects.toMatchObject(tooMany)
    await expect(begin(b, '3', 'bob')).resolves.toMatchObject({ id: '3' })
  })

  it('that begin at once are no more than the limit', async () => {
    const { a, b, begin } = machines(3)
    const begun = await Promise.allSettled(
      Array.from({ length: 12 }, (_, index) => begin(index % 2 ? a : b, `${index}`)),
    )
    expect(begun.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
  })

  it('free their places when they end, wherever that is', async () => {
    const { a, b, begin, store } = machines(2)
    await begin(a, '1')
    await begin(a, '2')
    await store.save('1', 1, { status: 'needs-review', wakeAt: 0 })
    await store.save('2', 1, { status: 'failed', wakeAt: 0, removedAt: 1 })
    await begin(b, '3')
    await begin(a, '4')
    await expect(begin(b, '5')).rejects.toMatchObject(tooMany)
  })

  it('need one place each, also when they begin again', async () => {
    const { a, b, begin } = machines(1)
    await begin(a, '1')
    await expect(begin(b, '1')).resolves.toMatchObject({ id: '1' })
  })

  it('free their places when they cannot begin', async () => {
    const { a, b, begin } = machines(1)
    const failing = a.begin({ owner: 'ann', id: '1' }, () => Promise.reject(new Error('no')))
    await expect(failing).rejects.toThrow('no')
    await expect(begin(b, '2')).resolves.toMatchObject({ id: '2' })
  })

  it('of a process that died before it created the run, free the place after a minute', async () => {
    const { a, b, begin, clock } = machines(1)
    void a.begin({ owner: 'ann', id: '1' }, () => new Promise(() => undefined))
    await clock.advance(59_999)
    await expect(begin(b, '2')).rejects.toMatchObject(tooMany)
    await clock.advance(1)
    await expect(begin(b, '2')).resolves.toMatchObject({ id: '2' })
  })
})
