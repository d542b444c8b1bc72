import { describe, expect, test } from 'vitest'
import type { VideoRequest } from '../../../src/contracts/request.js'
import { type TaskApiGeneratorOptions, taskApiGenerator } from '../../../src/strategies/index.js'
import { json, loopbackServer } from '../../upstream/loopback-server.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'

const prompt = 'A grey cat plays the piano in a dim bar while it rains'

const at = (origin: string, options: Partial<TaskApiGeneratorOptions>) =>
  taskApiGenerator({
    name: 'my-api',
    baseUrl: origin,
    create: (given) => ({ path: '/tasks', body: { prompt: given.prompt } }),
    poll: { path: ({ id }) => `/tasks/${encodeURIComponent(id)}` },
    find: { path: ({ number }) => `/tasks?page=${number}` },
    ...options,
  })

async function foundIn(
  listed: string,
  create: TaskApiGeneratorOptions['create'],
  request: Partial<VideoRequest> = {},
): Promise<readonly string[] | 'unclear' | undefined> {
  const server = await loopbackServer(json(200, { tasks: [{ id: 't9', prompt: listed }], has_more: false }))
  const context = { ...stageContext(), submittedAt: Date.now() }
  const found = await at(server.origin, { create }).find?.({ prompt, ...request }, context)
  return found === 'unclear' ? found : found?.map(({ id }) => id)
}

describe('a job in a list is recognised by the prompt that create sends', () => {
  const form = (text: string) => {
    const data = new FormData()
    data.set('prompt', text)
    return data
  }
  test.each<[string, string, (sent: string) => Awaited<ReturnType<TaskApiGeneratorOptions['create']>>]>([
    [
      'with words after it',
      `${prompt} --ratio 16:9`,
      (text) => ({ path: '/tasks', body: { prompt: `${text} --ratio 16:9` } }),
    ],
    [
      'with words before it',
      `anime, ${prompt}`,
      (text) => ({ path: '/tasks', body: { input: { promptText: `anime, ${text}` } } }),
    ],
    ['shortened', prompt.slice(0, 40), (text) => ({ path: '/tasks', body: { prompt: text.slice(0, 40) } })],
    ['in another language', 'Eine Katze', () => ({ path: '/tasks', body: { prompt: 'Eine Katze' } })],
    [
      'in a list of contents',
      `${prompt} --seed 1`,
      (text) => ({ path: '/tasks', body: { content: [{ type: 'text', text: `${text} --seed 1` }] } }),
    ],
    ['in a form', `${prompt}!`, (text) => ({ path: '/tasks', body: form(`${text}!`) })],
    [
      'in a form, as JSON',
      `{"scene":"${prompt}"}`,
      (text) => ({ path: '/tasks', body: form(JSON.stringify({ scene: text })) }),
    ],
    ['in a query', `${prompt}.`, (text) => ({ path: `/tasks?prompt=${encodeURIComponent(`${text}.`)}` })],
    [
      'escaped for HTML',
      `${prompt} &amp; &#39;more&#x27;`,
      (text) => ({ path: '/tasks', body: { prompt: `${text} & 'more'` } }),
    ],
  ])('%s', async (_, listed, create) => {
    expect(await foundIn(listed, (given) => create(given.prompt))).toEqual(['t9'])
    expect(await foundIn('Another video', (given) => create(given.prompt))).toEqual([])
  })

  test('as providerOptions replace it', async () => {
    const create: TaskApiGeneratorOptions['create'] = (given) => ({ path: '/tasks', body: { prompt: given.prompt } })
    expect(await foundIn('A dog', create, { providerOptions: { prompt: 'A dog' } })).toEqual(['t9'])
  })

  test('and one with the prompt of the request may be it', async () => {
    const create: TaskApiGeneratorOptions['create'] = (given) => ({
      path: '/tasks',
      body: { prompt: `anime, ${given.prompt}`, title: given.prompt.slice(0, 12) },
    })
    expect(await foundIn(prompt, create)).toBe('unclear')
    expect(await foundIn(prompt.slice(0, 12), create)).toBe('unclear')
  })

  test('and no list proves that it is absent where the request shows no prompt', async () => {
    const create: TaskApiGeneratorOptions['create'] = () => ({ path: '/tasks', body: { workflow: 7 } })
    expect(await foundIn('Another video', create)).toBe('unclear')
    expect(await foundIn(prompt, create)).toEqual(['t9'])
  })

  test('also beside a job whose prompt is like it', async () => {
    const tasks = [
      { id: 't8', prompt: 'A grey cat' },
      { id: 't9', prompt },
    ]
    const server = await loopbackServer(json(200, { tasks, has_more: false }))
    const context = { ...stageContext(), submittedAt: Date.now() }
    expect(await at(server.origin, {}).find?.({ prompt }, context)).toEqual([{ id: 't9' }])
  })

  test('and not searched for while create throws', async () => {
    const create = () => {
      throw new Error('no token')
    }
    const server = await loopbackServer(json(200, { tasks: [], has_more: false }))
    const context = { ...stageContext(), submittedAt: Date.now() }
    expect(
      await rejection(at(server.origin, { create }).find?.({ prompt }, context) as Promise<unknown>),
    ).toMatchObject({
      code: 'configuration-invalid',
    })
  })
})

describe('the next page of a list is asked for by its cursor', () => {
  const find = { path: ({ after = '' }: { readonly after: string | undefined }) => `/tasks?after=${after}` }
  const other = { id: 'o', prompt: 'Another video' }

  async function findIn(first: object, second: object = { data: [{ id: 't9', prompt }], has_more: false }) {
    const server = await loopbackServer((sent, response, request) =>
      json(200, sent.url === '/tasks?after=' ? first : second)(sent, response, request),
    )
    const context = { ...stageContext(), submittedAt: Date.now() }
    const found = await at(server.origin, { find }).find?.({ prompt }, context)
    return { found, asked: server.seen.map(({ url }) => url.split('=')[1]) }
  }

  test.each([
    ...['next_cursor', 'cursor', 'nextCursor', 'next_page_token', 'nextPageToken', 'after', 'next', 'nextToken'],
    ...['next_token', 'next_page', 'last_id'],
  ])('under %s, beside the list and in an object for pages', async (name) => {
    const found = [{ id: 't9' }]
    expect(await findIn({ data: [other], has_more: true, [name]: 'c2' })).toEqual({ found, asked: ['', 'c2'] })
    expect(await findIn({ data: [other], [name]: 7 })).toEqual({ found, asked: ['', '7'] })
    const paged = { data: [other], pagination: { has_more: true, [name]: 'c2' } }
    expect(await findIn(paged)).toEqual({ found, asked: ['', 'c2'] })
    expect(await findIn({ data: { list: [other], pageInfo: { [name]: 'c2' } } })).toEqual({ found, asked: ['', 'c2'] })
  })

  test.each([
    ['empty', ''],
    ['null', null],
    ['no text and no whole number', { at: 1 }],
    ['0', 0],
    ['an address', 'https://api.example/tasks?page=2'],
    ['a path', '/tasks?page=2'],
  ])('else by the id of its last job: the cursor is %s', async (_, value) => {
    expect((await findIn({ data: [other], has_more: true, next: value })).asked).toEqual(['', 'o'])
  })

  test('that is not the one that was sent', async () => {
    const pages = [
      { data: [other], has_more: true, cursor: 'c1', next_cursor: 'c2' },
      { data: [{ ...other, id: 'p' }], has_more: true, cursor: 'c2' },
    ] as const
    expect((await findIn(...pages)).asked).toEqual(['', 'c2', 'p'])
  })
})
