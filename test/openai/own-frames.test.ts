import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ChatCompletionChunks, englishTexts, toChatCompletionChunks, toSse } from '../../src/index.js'
import { arriving, resultWith, smoothRun } from './run-events.js'

// Wrapped chunks are those of anyone: each becomes JSON as a whole.
const wrapped = (chunks: ChatCompletionChunks) => ({
  emptyChunk: chunks.emptyChunk,
  [Symbol.asyncIterator]: () => chunks[Symbol.asyncIterator](),
})

test('the frames of a run are the chunks as JSON, whatever its texts and options', async () => {
  const nasty = fc.string({ unit: 'binary' })
  const options = fc.record(
    {
      id: nasty.filter((text) => text !== ''),
      model: nasty.filter((text) => text !== ''),
      created: fc.nat(),
      progress: fc.constantFrom('content' as const, 'reasoning_content' as const, 'none' as const),
      role: fc.constantFrom('include' as const, 'omit' as const),
      usage: fc.constantFrom('include' as const, 'omit' as const),
      texts: nasty.map((text) => ({ ...englishTexts, generating: text, generated: `${text}!` })),
    },
    { requiredKeys: ['id', 'created'] },
  )
  await fc.assert(
    fc.asyncProperty(options, fc.webUrl(), fc.boolean(), async (given, url, fails) => {
      const run = () => {
        const events = smoothRun(url)
        const result = Promise.reject(new Error(url))
        result.catch(() => undefined)
        return {
          [Symbol.asyncIterator]: () => arriving(fails ? events.slice(0, -1) : events),
          ...(fails && { result }),
        }
      }
      const text = (chunks: ChatCompletionChunks) => new Response(toSse(chunks, { errorContent: 'include' })).text()
      const own = await text(toChatCompletionChunks(run(), given))
      expect(own).toBe(await text(wrapped(toChatCompletionChunks(run(), given))))
      expect(own).toContain(fails ? '"error":' : '"finish_reason":"stop"')
    }),
    { numRuns: 200 },
  )
})

test('an iterator that is asked for several chunks at once gives them in order, then its end', async () => {
  const chunks = toChatCompletionChunks({
    [Symbol.asyncIterator]: () => arriving(smoothRun(resultWith('https://a.example/').url)),
  })
  const one: unknown[] = []
  for await (const { choices } of chunks) one.push(choices)
  const iterator = chunks[Symbol.asyncIterator]()
  const steps = await Promise.all(Array.from({ length: one.length + 2 }, () => iterator.next()))
  expect(steps.map(({ value }) => value?.choices)).toEqual([...one, undefined, undefined])
  expect(steps.at(-1)?.done).toBe(true)
})
