import { describe, expect, test } from 'vitest'
import { videosApiGenerator } from '../../../src/strategies/index.js'
import { fakeContext } from '../../../src/testing/index.js'
import { loopbackServer } from '../../upstream/loopback-server.js'

const request = { prompt: 'A cat playing piano' }
const NOW = fakeContext().clock.now()
const AT = Math.floor(NOW / 1000) - 30
const mine = { id: 'mine', prompt: request.prompt, status: 'processing', created_at: AT }
const other = { id: 'other', prompt: 'A dog', status: 'processing', created_at: AT }

async function generatorAt(...pages: readonly unknown[]) {
  let asked = 0
  const server = await loopbackServer((_, response) => {
    response.setHeader('date', new Date(NOW).toUTCString())
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(pages[Math.min(asked, pages.length - 1)]))
    asked += 1
  })
  return videosApiGenerator({ baseUrl: `${server.origin}/v1`, lookup: 'list' })
}

async function foundIn(...pages: readonly unknown[]) {
  const generator = await generatorAt(...pages)
  const found = await generator.find?.(request, { ...fakeContext(), submittedAt: NOW - 60_000 })
  return found === 'unclear' ? found : found?.map(({ id }) => id)
}

describe('a list inside an envelope', () => {
  const NESTINGS: readonly (readonly [string, (list: readonly unknown[]) => object])[] = [
    ['data.list', (list) => ({ data: { list, has_more: false } })],
    ['data.items', (list) => ({ code: 0, message: 'success', data: { items: list, total: list.length } })],
    ['data.tasks', (list) => ({ data: { tasks: list, total: list.length, page: 1 } })],
    ['data.jobs', (list) => ({ data: { jobs: list, hasMore: false } })],
    ['data.records', (list) => ({ code: 200, msg: 'ok', data: { records: list, total: list.length } })],
    ['data.data', (list) => ({ success: true, data: { data: list, has_more: false } })],
    ['result.list', (list) => ({ result: { list, total: list.length }, request_id: 'r' })],
    ['output.tasks', (list) => ({ output: { tasks: list }, total: list.length })],
    ['response.data.videos', (list) => ({ response: { data: { videos: list, has_more: false } } })],
  ]

  test.each(NESTINGS)('at %s shows a submission, or that it is absent', async (_, nest) => {
    expect(await foundIn(nest([other, mine]))).toEqual(['mine'])
    expect(await foundIn(nest([other]))).toEqual([])
  })

  test.each(NESTINGS)('at %s shows the states of jobs', async (_, nest) => {
    const generator = await generatorAt(nest([other, mine]))
    expect(await generator.pollMany?.([{ id: 'mine' }, { id: 'x' }], fakeContext())).toEqual([
      expect.objectContaining({ state: 'running' }),
      undefined,
    ])
  })

  test('is read page by page', async () => {
    const first = { data: { list: [other], has_more: true, last_id: 'other' } }
    expect(await foundIn(first, { data: { list: [mine], has_more: false } })).toEqual(['mine'])
  })

  test.each([
    ['a field that is not known', { data: { list: [other], total: 1, filter: 'mine' } }],
    ['an error', { code: 500, data: { list: [other], total: 1 } }],
    ['an error inside', { data: { list: [other], total: 1, error: 'partial' } }],
    ['more jobs than it shows', { data: { list: [other], total: 7 } }],
    ['more jobs elsewhere', { data: { list: [other], total: 1 }, archived: [mine] }],
    ['an empty list beside jobs', { data: { list: [], total: 0, running: [mine] } }],
    ['an unknown length', { data: { list: [other] } }],
    ['an entry without a prompt', { data: { list: [{ ...other, prompt: undefined }], total: 1 } }],
    ['an envelope that is not known', { data: { list: [other], total: 1, own: { list: [], shared: 2 } } }],
    ['a cursor', { data: { list: [], next_cursor: 'n' } }],
  ])('with %s proves nothing', async (_, body) => {
    expect(await foundIn(body)).toBe('unclear')
  })

  test.each([
    { data: { list: null } },
    { data: { hits: [other] } },
    { mine: { list: [other] } },
    { data: { list: {} } },
  ])('that is not understood is an error, not an absence: %j', async (body) => {
    await expect(foundIn(body)).rejects.toThrow('look for the job')
  })
})

describe('the prompt of an entry', () => {
  const { prompt, ...bare } = mine
  test.each([
    { input: { prompt } },
    { inputs: { prompt } },
    { request: { prompt } },
    { params: { prompt } },
    { parameters: { prompt } },
    { requestParams: { prompt } },
    { param: JSON.stringify({ prompt, size: '1' }) },
    { request: { body: { prompt } } },
    { prompt: 'A cat, rewritten', input: { prompt } },
  ])('is read at %j', async (fields) => {
    expect(await foundIn({ data: { list: [{ ...bare, ...fields }], total: 1 } })).toEqual(['mine'])
  })

  test('of another job is no match, and one that is cut proves nothing', async () => {
    const inInput = (text: string) => ({ data: { list: [{ ...bare, input: { prompt: text } }], total: 1 } })
    expect(await foundIn(inInput('A dog'))).toEqual([])
    expect(await foundIn(inInput('A cat play...'))).toBe('unclear')
    expect(await foundIn(inInput('A cat play'))).toBe('unclear')
    expect(await foundIn(inInput(''))).toBe('unclear')
  })
})

test('a poll that is answered with a nested list is about the job with its id', async () => {
  const generator = await generatorAt({ data: { list: [{ ...other, status: 'failed' }, mine] } })
  expect(await generator.poll({ id: 'mine' }, fakeContext())).toMatchObject({ state: 'running' })
})
