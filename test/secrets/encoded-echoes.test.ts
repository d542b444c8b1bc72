import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as strategies from '../../src/strategies/index.js'
import { videosApiGenerator } from '../../src/strategies/index.js'
import { fakeContext, faultServer, replyJson } from '../../src/testing/index.js'
import { decodedLeaks } from './decoded-leaks.js'
import { ECHO_PLACES } from './echo-places.js'
import { ECHO_SUBJECTS } from './echo-subjects.js'
import { ENCODINGS } from './encodings.js'
import { shownText } from './leaks.js'

const keyOf = (seed: number) => `k1-${createHash('sha256').update(`${seed}`).digest('base64url')}`

it('every strategy that can be given a credential is among the subjects', () => {
  const names = Object.keys(strategies).filter((name) => /(?:Generator|Publisher|Resolver|Uploader)$/.test(name))
  const without = ['originalResolver', 'directoryUploader']
  const subjects = ECHO_SUBJECTS.map(({ name }) => name)
  expect(names.filter((name) => !without.includes(name) && !subjects.includes(name))).toEqual([])
})

const KEYED = ECHO_SUBJECTS.filter(({ isOfClient }) => isOfClient !== true)

describe.each(KEYED.map((subject) => ({ name: subject.name, subject })))('$name', ({ subject }) => {
  it('does not reveal its key, in whatever encoding a server echoes it', async () => {
    const cell = fc.record({
      route: fc.constantFrom(...subject.places),
      place: fc.constantFrom(...ECHO_PLACES),
      encoding: fc.constantFrom(...ENCODINGS),
      seed: fc.nat(),
    })
    await fc.assert(
      fc.asyncProperty(cell, async ({ route, place, encoding, seed }) => {
        const key = keyOf(seed)
        const says = place.says(`Refused: ${encoding.encode(key, seed)}. Try again`)
        const server = await faultServer({ [route]: says, ...subject.routes, [route]: says })
        const shown = await subject.play({ origin: server.origin, query: '', headers: {}, key })
        await server.close()
        expect(decodedLeaks(shownText(shown), [key], 2), `${route}, ${place.name}, ${encoding.name}`).toEqual([])
      }),
      { numRuns: 20 },
    )
  }, 120_000)
})

it('a key that was replaced since stays hidden', async () => {
  const [old, fresh] = [keyOf(-1), keyOf(-2)]
  const keys = [old, fresh]
  const server = await faultServer({
    'POST /v1/videos': replyJson({ error: { message: `${old} was replaced` } }, { status: 400 }),
  })
  const generator = videosApiGenerator({ baseUrl: `${server.origin}/v1`, apiKey: () => keys.shift() ?? fresh })
  const start = () =>
    generator.start({ prompt: 'A cat' }, { ...fakeContext(), idempotencyKey: 'k' }).catch((error: unknown) => error)
  const shown = [await start(), await start(), await start()]
  await server.close()
  expect(shown.map(String)).toEqual(Array(3).fill(expect.stringContaining('was replaced')))
  expect(decodedLeaks(shownText(shown), [old, fresh], 2)).toEqual([])
})
