import { expect, test } from 'vitest'
import { videosApiGenerator } from '../../src/strategies/index.js'
import { inRequestLine } from '../../src/upstream/request-line.js'
import { eventually } from '../support/eventually.js'
import { rejection, stageContext } from './stage-context.js'

const place = { origin: 'https://a.example', maxSockets: 2 }
const { signal } = new AbortController()

/** Exchanges that end when the test says so. */
function exchanges() {
  const open: { readonly name: string; readonly end: PromiseWithResolvers<string> }[] = []
  const start = (name: string, own = signal, where = place) =>
    inRequestLine(where, own, () => {
      const end = Promise.withResolvers<string>()
      open.push({ name, end })
      return end.promise
    })
  return { open, start, names: () => open.map(({ name }) => name) }
}

test('as many exchanges of one origin as allowed are under way, the others follow in order', async () => {
  const { open, start, names } = exchanges()
  const all = ['a', 'b', 'c', 'd'].map((name) => start(name))
  const elsewhere = start('e', signal, { ...place, origin: 'https://b.example' })
  expect(names()).toEqual(['a', 'b', 'e'])
  open[1]?.end.reject(new Error('broken'))
  expect(await rejection(all[1] as Promise<string>)).toMatchObject({ message: 'broken' })
  await eventually(() => expect(names()).toEqual(['a', 'b', 'e', 'c']))
  for (const { end } of open) end.resolve('done')
  await eventually(() => expect(names()).toEqual(['a', 'b', 'e', 'c', 'd']))
  open.at(-1)?.end.resolve('done')
  expect(await Promise.all([all[0], all[2], all[3], elsewhere])).toEqual(['done', 'done', 'done', 'done'])
})

test('an exchange that is aborted in the line leaves it, and never starts', async () => {
  const { open, start, names } = exchanges()
  const controller = new AbortController()
  const first = [start('a'), start('b')]
  const left = start('c', controller.signal)
  const next = start('d')
  controller.abort('enough')
  expect(await rejection(left)).toBe('enough')
  expect(await rejection(start('e', controller.signal))).toBe('enough')
  for (const { end } of open) end.resolve('done')
  await Promise.all(first)
  await eventually(() => expect(names()).toEqual(['a', 'b', 'd']))
  open.at(-1)?.end.resolve('done')
  expect(await next).toBe('done')
})

test('polls through a fetch keep to maxSockets, and a submission does not wait for them', async () => {
  const waiting: (() => void)[] = []
  const methods: (string | undefined)[] = []
  const fetch = (_: unknown, init?: RequestInit) => {
    methods.push(init?.method)
    return new Promise<Response>((resolve) => {
      waiting.push(() => resolve(Response.json({ id: 'video_1', status: 'queued' })))
    })
  }
  const generator = videosApiGenerator({ baseUrl: 'https://c.example/v1', fetch, maxSockets: 1 })
  const polls = [1, 2].map(() => generator.poll({ id: 'video_1' }, stageContext()))
  await eventually(() => expect(methods).toEqual(['GET']))
  const started = generator.start({ prompt: 'a cat' }, stageContext())
  await eventually(() => expect(methods).toEqual(['GET', 'POST']))
  for (const answer of waiting.splice(0)) answer()
  await eventually(() => expect(methods).toEqual(['GET', 'POST', 'GET']))
  waiting[0]?.()
  expect(await Promise.all(polls)).toHaveLength(2)
  expect(await started).toMatchObject({ operation: { id: 'video_1' } })
})
