import { expect, test } from 'vitest'
import type { Member } from './members.ts'
import { membersOfText } from './members-of-text.ts'
import { optionTypes } from './option-types.ts'
import { entryPoints } from './public-names.ts'

const TYPES = optionTypes(entryPoints())

test('the option types are found', () => {
  const names = TYPES.map(({ name }) => name)
  expect(names.length).toBeGreaterThan(40)
  expect(names).toContain('SoraPipelineOptions')
  expect(names).toContain('VideosApiGeneratorOptions')
  expect(names).toContain('VideoRequest')
})

test('every option has a hover text: what it does, its default, and for a number its unit, its range and what happens past it', () => {
  const problems = TYPES.flatMap(({ name, declared, members }) =>
    members
      .filter(({ file }) => file === declared.file)
      .flatMap((member) => problemsOf(member).map((problem) => `${name}.${member.name}: ${problem}`)),
  )
  expect(problems).toEqual([])
})

test.each([
  ['readonly a: string', ['say what it does, in sentences']],
  ['/** no capital letter here. */ readonly a: string', ['say what it does, in sentences']],
  ['/** Sends. */ readonly a: string', ['say what it does, in sentences']],
  ['/** How the thing is sent */ readonly a: string', ['say what it does, in sentences']],
  [
    '/** How the thing is sent. */ readonly a?: string | undefined',
    ['add @defaultValue: what counts when it is left out'],
  ],
  [
    '/** How the thing is sent. @defaultValue 5 */ readonly a?: string | undefined',
    ['put the literal of @defaultValue into backticks'],
  ],
  [
    '/** How long the thing takes. */ readonly waitMs: number',
    ['name the unit: milliseconds', 'give the range, such as: from 0', 'say what happens past the limit'],
  ],
  ['/** How many bytes the thing has, at least 1. */ readonly maxBytes: number', ['say what happens past the limit']],
  ['/** How many bytes the thing has, at least 1. A longer one is answered 413. */ readonly maxBytes: number', []],
  [
    '/** How many milliseconds above 0 the thing takes. Past it the call rejects. @defaultValue `10_000` */ readonly waitMs?: number | undefined',
    [],
  ],
])('a hover text is judged: %s', (member, problems) => {
  expect(membersOfText(`export interface A {\n  ${member}\n}`).flatMap(problemsOf)).toEqual(problems)
})

// Units by the end of a name; a name without one is a count or a number without a unit.
const UNITS: readonly (readonly [RegExp, RegExp, string])[] = [
  [/Ms$/, /milliseconds?\b/i, 'milliseconds'],
  [/Bytes$|^byteLength$/, /\bbytes?\b/i, 'bytes'],
  [/Seconds$/, /\bseconds?\b/i, 'seconds'],
  [/At$|^endedBefore$|^now$/, /\bepoch milliseconds\b/i, 'epoch milliseconds'],
  [/^(?:width|height)$/, /\bpixels\b/i, 'pixels'],
]
const RANGE =
  /\b(?:above|from|at least|at most|below|up to|not in the future|whole number|any (?:finite )?(?:number|one)|of the present)\b/i
const PAST =
  /\b(?:past it|past the|after (?:it|that|the last|them)|before it|longer|larger|smaller|shorter|further|older|later|more than|sooner|bounds|others are|any other|nothing is|never ends|no limit|(?:is|are) (?:refused|kept|rejected)|where it is)\b/i

function problemsOf(member: Member): readonly string[] {
  const { doc, isOptional, name, type } = member
  const isSentence = /^[\p{Lu}`'\d]/u.test(doc.text) && /[.:]$/.test(doc.text) && doc.text.split(' ').length > 2
  const { defaultValue } = doc
  return [
    isSentence ? undefined : 'say what it does, in sentences',
    isOptional && !defaultValue ? 'add @defaultValue: what counts when it is left out' : undefined,
    defaultValue && /^(?:[\d._,]+|true|false|'[^']*')$/.test(defaultValue)
      ? 'put the literal of @defaultValue into backticks'
      : undefined,
    ...(isSentence && takesNumber(type) ? problemsOfNumber(name, doc.text) : []),
  ].filter((problem) => problem !== undefined)
}

// Not what a function gives, and not the word of a choice.
function takesNumber(type: string): boolean {
  return !type.includes('=>') && /\bnumber\b/.test(type.replaceAll(/'[^']*'/g, ''))
}

function problemsOfNumber(name: string, text: string): readonly string[] {
  const unit = UNITS.find(([suffix]) => suffix.test(name))
  return [
    unit && !unit[1].test(text) ? `name the unit: ${unit[2]}` : undefined,
    RANGE.test(text) ? undefined : 'give the range, such as: from 0',
    PAST.test(text) || text.includes('`Infinity`') ? undefined : 'say what happens past the limit',
  ].filter((problem) => problem !== undefined)
}
