import { type Member, membersOf } from '../members.ts'
import { isOptionName } from '../option-types.ts'
import type { Declared } from '../parsed-source.ts'
import { Anchors, type Place } from '../places.ts'
import type { EntryPoint } from '../public-names.ts'
import { parametersOf, signatureOf } from '../signatures.ts'
import { classSection, methodHeadings } from './class-section.ts'
import { code, codeBlock, factsOf, firstSentence, joined, prose, table } from './markdown.ts'

/** What a page needs to know of the others. */
export interface Book {
  readonly places: ReadonlyMap<Declared, Place>
  /** Anchors by page. */
  readonly anchors: ReadonlyMap<string, Anchors>
}

/** What is described on one page, in its order. */
export interface Outline {
  readonly values: readonly Place[]
  readonly types: readonly Place[]
}

/** The first lines of every page. */
export const ORIGIN =
  'This page is made from the hover texts of the source by `npm run reference`; a test fails when they differ.'

/** What an entry point's page describes: values first, then the types that none of them shows. */
export function outlineOf(page: string, places: ReadonlyMap<Declared, Place>): Outline {
  const own = [...places.values()].filter((place) => place.page === page)
  return { values: own.filter(isValue), types: own.filter((place) => !isValue(place)) }
}

/** The anchors of a page, in the order of its headings. */
export function anchorsOf(outline: Outline): Anchors {
  const anchors = new Anchors()
  for (const { place, options } of inOrder(outline)) {
    anchors.add(place.name)
    for (const heading of methodHeadings(place)) anchors.add(heading)
    for (const option of options) anchors.add(option.name)
  }
  return anchors
}

/** The page of an entry point. */
export function entryPage(entry: EntryPoint, book: Book): string {
  const outline = outlineOf(entry.page, book.places)
  const sections = inOrder(outline)
  const shown = (kind: 'value' | 'type') =>
    sections.filter((section) => section.kind === kind).map((section) => sectionText(section, entry.page, book))
  const index = outline.values.map((place) => [
    linkTo(place, entry.page, book),
    prose(inBrief(firstSentence(place.declared.doc.text)), resolver(place, entry.page, book)),
  ])
  return joined(
    `# ${entry.specifier}`,
    ORIGIN,
    `An option that is unknown, or whose value is outside its range, is a \`ConfigurationError\` (of a call: an \`InvalidRequestError\`) that names every problem. Types are without \`readonly\`; an option with a default may also be \`undefined\`.`,
    table(['export', 'what it is'], index),
    ...shown('value'),
    shown('type').length > 0 && '## Types',
    ...shown('type'),
    elsewhere(entry, book),
  )
}

interface Section {
  readonly kind: 'value' | 'type'
  readonly place: Place
  /** Option types that the section of a function shows. */
  readonly options: readonly Place[]
}

function inOrder({ values, types }: Outline): readonly Section[] {
  const left = new Set(types)
  const sections = values.map((place): Section => {
    const used = new Set(parametersOf(place.declared).flatMap(({ types: named }) => named))
    const options = [...left].filter(({ declared, name }) => used.has(declared) && isOptionName(name))
    for (const option of options) left.delete(option)
    return { kind: 'value', place, options }
  })
  return [...sections, ...[...left].map((place): Section => ({ kind: 'type', place, options: [] }))]
}

function sectionText({ kind, place, options }: Section, page: string, book: Book): string {
  if (kind === 'type') return typeSection(place, page, book, '###')
  const { declared, name } = place
  const { doc, node } = declared
  const resolve = resolver(place, page, book)
  if (node.type === 'ClassDeclaration') {
    return joined(classSection(place, resolve), ...options.map((option) => typeSection(option, page, book, '###')))
  }
  return joined(
    `## ${name}`,
    prose(doc.text, resolve),
    codeBlock(signatureOf(declared)),
    factsOf(doc, resolve),
    ...options.map((option) => typeSection(option, page, book, '###')),
  )
}

/** A type with its fields, or as it is written. */
export function typeSection(place: Place, page: string, book: Book, level: '##' | '###'): string {
  const { declared, name } = place
  const resolve = resolver(place, page, book)
  const heading = joined(`${level} ${name}`, prose(declared.doc.text, resolve))
  const members = membersOf(declared)
  if (!members || members.length === 0) return joined(heading, codeBlock(signatureOf(declared)))
  const properties = members.filter(({ isMethod }) => !isMethod)
  const methods = members.filter(({ isMethod }) => isMethod)
  return joined(
    heading,
    properties.length > 0 && memberTable(properties, place, page, book),
    ...methods.map((method) =>
      joined(code(`${method.name}${method.isOptional ? '?' : ''}${method.type}`), docOf(method, resolve)),
    ),
  )
}

/** The fields of a type; those of options with their defaults. */
export function memberTable(members: readonly Member[], place: Place, page: string, book: Book): string {
  const resolve = resolver(place, page, book)
  const what = (member: Member) => docOf(member, resolve)
  if (!isOptionName(place.name)) {
    const rows = members.map((member) => [nameOf(member), typeCell(member, page, book), what(member)])
    return table(['field', 'type', 'what it is'], rows)
  }
  const rows = members.map((member) => {
    const value = member.isOptional ? prose(member.doc.defaultValue ?? 'none', resolve) : 'required'
    return [code(member.name), typeCell(member, page, book), value, what(member)]
  })
  return table(['option', 'type', 'default', 'what it does'], rows)
}

function docOf({ doc }: Member, resolve: (name: string) => string): string {
  return joined(prose(doc.text, resolve), factsOf(doc, resolve))
}

// A literal example is in the section.
function inBrief(sentence: string): string {
  return sentence.replace(/, such as `\{.*$/, '.')
}

function nameOf({ name, isOptional }: Member): string {
  return code(isOptional ? `${name}?` : name)
}

// A type that is one name leads to it; any other is shown as it is written.
function typeCell(member: Member, page: string, book: Book): string {
  const { type, file } = member
  const bare = type.replace(/\[\]$/, '')
  const place = /^\w+$/.test(bare) ? placeNamed(bare, file.path, book) : undefined
  return place ? linkTo(place, page, book, type) : code(type)
}

function placeNamed(name: string, path: string, { places }: Book): Place | undefined {
  const named = [...places.values()].filter((place) => place.name === name)
  return named.find(({ declared }) => declared.file.path === path) ?? named[0]
}

/** A link to the description of a declaration. */
export function linkTo(place: Place, page: string, { anchors }: Book, text = place.name): string {
  const anchor = anchors.get(place.page)?.of(place.name)
  const target = `${place.page === page ? '' : `${place.page}.md`}${anchor ? `#${anchor}` : ''}`
  return `[${code(text)}](${target})`
}

/** Makes links of the names in a doc comment. */
export function resolver(from: Place, page: string, book: Book): (name: string) => string {
  return (name) => {
    const [first = ''] = name.split('.')
    const place = placeNamed(first, from.declared.file.path, book)
    return place && place !== from ? linkTo(place, page, book, name) : code(name)
  }
}

function elsewhere({ page, names }: EntryPoint, book: Book): string {
  const others = [...names.values()]
    .map((declared) => book.places.get(declared))
    .filter((place) => place !== undefined)
    .filter((place) => place.page !== page)
  if (others.length === 0) return ''
  const byPage = Map.groupBy(others, (place) => place.page)
  const lines = [...byPage].map(
    ([other, places]) => `- on [${other}](${other}.md): ${places.map((place) => linkTo(place, page, book)).join(', ')}`,
  )
  return joined('## Also exported here', lines.join('\n'))
}

function isValue({ declared: { node } }: Place): boolean {
  return node.type !== 'TSInterfaceDeclaration' && node.type !== 'TSTypeAliasDeclaration'
}
