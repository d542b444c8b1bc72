import type { Member } from '../members.ts'
import { membersOf } from '../members.ts'
import type { Place } from '../places.ts'
import { type Book, linkTo, memberTable, ORIGIN, resolver } from './entry-page.ts'
import { code, codeBlock, joined, prose, table } from './markdown.ts'

const PAGE = 'events'

/** Every event with its fields. */
export function eventsPage(places: readonly Place[], book: Book): string {
  const events = places.filter((place) => typeOf(place) !== undefined)
  const others = places.filter((place) => typeOf(place) === undefined)
  const text = (place: Place) => prose(place.declared.doc.text, resolver(place, PAGE, book))
  const union = others.find(({ name }) => name === 'PipelineEvent')
  return joined(
    '# Events',
    ORIGIN,
    union && text(union),
    'Read them with `for await (const event of run)`, with `onEvent` of the pipeline, or as JSON from `GET /v1/videos/{id}/events` of the handler. All types are exported by `sora-pipeline`.',
    table(
      ['`type`', 'when'],
      events.map((place) => [linkTo(place, PAGE, book, typeOf(place)), text(place)]),
    ),
    ...others.filter((place) => place !== union).map((place) => section(place, book)),
    ...events.map((place) => section(place, book)),
  )
}

/** The headings of the page, in order, each with the name of its type. */
export function eventHeadings(places: readonly Place[]): readonly (readonly [heading: string, name: string])[] {
  const events = places.filter((place) => typeOf(place) !== undefined)
  const others = places.filter((place) => typeOf(place) === undefined && place.name !== 'PipelineEvent')
  return [...others, ...events].map((place) => [typeOf(place) ?? place.name, place.name])
}

function section(place: Place, book: Book): string {
  const members = (membersOf(place.declared) ?? []).filter(({ name }) => name !== 'type')
  const type = typeOf(place)
  const heading = type ? `## ${type}` : `## ${place.name}`
  const shown = memberTable(ownFirst(members, place), place, PAGE, book)
  const isUnion = members.length === 0
  return joined(
    heading,
    prose(place.declared.doc.text, resolver(place, PAGE, book)),
    type && `Type ${code(place.name)}.`,
    isUnion ? codeBlock(place.name) : shown,
  )
}

// What is special of an event is what its reader came for.
function ownFirst(members: readonly Member[], { declared }: Place): readonly Member[] {
  const { node } = declared
  const names =
    node.type === 'TSInterfaceDeclaration'
      ? node.body.body.flatMap((signature) =>
          signature.type === 'TSPropertySignature' && signature.key.type === 'Identifier' ? [signature.key.name] : [],
        )
      : []
  const own = members.filter(({ name }) => names.includes(name))
  return [...own, ...members.filter((member) => !own.includes(member))]
}

function typeOf({ declared }: Place): string | undefined {
  const type = membersOf(declared)?.find(({ name }) => name === 'type')?.type
  return type === undefined ? undefined : /^'([\w-]+)'$/.exec(type)?.[1]
}
