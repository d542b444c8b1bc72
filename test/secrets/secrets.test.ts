import { describe, expect, it } from 'vitest'
import { faultServer } from '../../src/testing/index.js'
import { ECHO_PLACES, type EchoPlace } from './echo-places.js'
import { ECHO_SUBJECTS, type EchoSubject } from './echo-subjects.js'
import { leaksIn } from './leaks.js'
import { partsOf, SECRET_FORMATS, type SecretFormat } from './secret-formats.js'

const AT_ONCE = 8
// Places where the message of the server is never passed on.
const SILENT = [
  ...['/a.mp4', 'DELETE /drive/v3/files/id1', 'HEAD /videos/a.mp4', 'DELETE /videos/a.mp4', 'HEAD /videos/*'],
  'DELETE /videos/*',
]
const NOTHING = { query: '', key: 'key-of-no-interest', headers: {} }

const ECHOES: readonly ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => encodeURIComponent(secret),
  (secret) => Buffer.from(secret).toString('base64'),
  (secret) => Buffer.from(`user:${secret}`).toString('base64url'),
  (secret) => JSON.stringify(secret),
]

interface Cell {
  readonly subject: EchoSubject
  readonly route: string
  readonly place: EchoPlace
  readonly format: SecretFormat
  readonly echo: (secret: string) => string
}

// Every format in every place, every place at every route, and every format at every route: each pair is played, of the triples
// as few as that takes.
const CELLS: readonly Cell[] = ECHO_SUBJECTS.flatMap((subject) =>
  subject.places.map((route) => ({ subject, route })),
).flatMap((at, r, routes) =>
  ECHO_PLACES.flatMap((place, p) =>
    SECRET_FORMATS.flatMap((format, f) => {
      const echo = ECHOES[(f + p + r) % ECHOES.length] ?? String
      return (f * 3 + p * 5 + r) % strideOf(Math.min(routes.length, ECHO_PLACES.length)) === 0
        ? [{ ...at, place, format, echo }]
        : []
    }),
  ),
)

// No more than there are places, and without a common divisor with the steps of formats and places: each of them meets every route.
function strideOf(count: number): number {
  return count % 3 === 0 || count % 5 === 0 ? strideOf(count - 1) : count
}

/** How a strategy is configured with a credential; `undefined` when it cannot be, and the credential belongs to another service. */
function configurationOf({ secret, configured }: SecretFormat, { takes, isOfClient }: EchoSubject) {
  if (isOfClient === true) return undefined
  if (configured === undefined) {
    return takes.includes('any key') || isForHeaders(secret) ? { ...NOTHING, key: secret } : undefined
  }
  if ('query' in configured) {
    return takes.includes('query') ? { ...NOTHING, query: `?${configured.query}=${secret}` } : undefined
  }
  return takes.includes('headers') ? { ...NOTHING, headers: { [configured.header]: secret } } : undefined
}

function isForHeaders(secret: string): boolean {
  return /^[\x20-\x7e]+$/.test(secret)
}

async function leaksOf(cell: Cell, parts = partsOf(cell.format)): Promise<readonly string[]> {
  const { subject, route, place, format, echo } = cell
  const configuration = configurationOf(format, subject)
  const said = configuration === undefined ? format.spoken : `${echo(format.secret)} ${format.spoken}`
  const server = await faultServer({ [route]: place.says(said), ...subject.routes, [route]: place.says(said) })
  try {
    const shown = await subject.play({ ...NOTHING, ...configuration, origin: server.origin })
    const leaks = leaksIn(shown, parts)
    return leaks.map((leak) => `${subject.name}, ${route}, ${place.name}, ${format.name}: ${leak}`)
  } finally {
    await server.close()
  }
}

async function inTurns<Item>(items: readonly Item[], work: (item: Item) => Promise<readonly string[]>) {
  const found: string[] = []
  const queue = items.values()
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const item of queue) found.push(...(await work(item)))
    }),
  )
  return found
}

// A mirror's words are never repeated. Of the others something has to be seen, or else nothing is proved here.
it.each(ECHO_SUBJECTS.filter(({ name }) => name !== 'mirrorResolver'))(
  '$name repeats what is not a secret',
  async (subject) => {
    const format = { name: 'none', secret: 'no-secret', spoken: 'Harmless words of the server' }
    const place = ECHO_PLACES.find(({ name }) => name === 'the message of an error 401') as EchoPlace
    for (const route of subject.places.filter((path) => !SILENT.includes(path))) {
      expect(await leaksOf({ subject, route, place, format, echo: String }, [format.spoken]), route).not.toEqual([])
    }
  },
)

describe.each(ECHO_SUBJECTS.map((subject) => ({ name: subject.name, subject })))('$name', ({ subject }) => {
  it('reveals no secret, wherever a server echoes it', async () => {
    const own = CELLS.filter((cell) => cell.subject === subject)
    expect(new Set(own.map(({ place }) => place)).size).toBe(ECHO_PLACES.length)
    expect(new Set(own.map(({ format }) => format)).size).toBe(SECRET_FORMATS.length)
    expect(await inTurns(own, leaksOf)).toEqual([])
  }, 120_000)

  it('reveals no secret when no server can be reached', async () => {
    const server = await faultServer({})
    const origins = [
      await server.refusedOrigin(),
      server.origin.replace('http:', 'https:'),
      'http://no-such-name.invalid',
    ]
    const leaks = await inTurns([...SECRET_FORMATS.entries()], async ([index, format]) => {
      const origin = origins[index % origins.length] ?? ''
      return leaksIn(await subject.play({ ...NOTHING, ...configurationOf(format, subject), origin }), partsOf(format))
    })
    await server.close()
    expect(leaks).toEqual([])
  }, 60_000)
})

it('every format is echoed in every place', () => {
  const pairs = new Set(CELLS.map(({ place, format }) => `${place.name} ${format.name}`))
  expect(pairs.size).toBe(ECHO_PLACES.length * SECRET_FORMATS.length)
})
