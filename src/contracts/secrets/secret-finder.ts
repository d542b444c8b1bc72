import { type DecodedText, originOf } from './decoded-text.js'
import { type Letters, letterOf, lettersOf, NO_LETTER } from './letters.js'
import { looksRandom } from './looks-random.js'
import { unescaped } from './unescaped.js'

/** A part of a text, from an index to another, which is not included. */
export interface Span {
  readonly from: number
  readonly to: number
}

interface Entry {
  readonly text: string
  readonly letters: Letters
  /** Whether a part of the secret counts, and signs between its letters are ignored, because it does not look like words. */
  readonly isRandom: boolean
}

interface Place {
  readonly entry: Entry
  readonly at: number
}

// Length of the hashed runs of letters; a shorter secret is found only by its pattern.
const GRAM = 8
const BASE = 37
const LEADING = Array.from({ length: GRAM }).reduce<number>((factor) => Math.imul(factor, BASE), 1)
// Minimum length of a part of a secret, anywhere and where a text is cut off.
const SHORTEST_PART = 10
const SHORTEST_PART_AT_END = 8
const SHORTEST_PHRASE = 16
const BITS = 12

/**
 * Finds secrets by their letters and digits, with any characters between them. Takes time in proportion to the text, for any
 * number of secrets.
 */
export class SecretFinder {
  readonly #places = new Map<number, Place[]>()
  // Number of entries that may start at a hash: rules out most letters of a text.
  readonly #slots: Uint16Array
  readonly #shift: number
  readonly #entries = new Map<string, readonly Entry[]>()

  /** @param bits - Size of the hash table as a power of 2; most places must stay empty. */
  constructor(secrets: readonly string[] = [], bits = BITS) {
    this.#slots = new Uint16Array(2 ** bits)
    this.#shift = 32 - bits
    for (const secret of secrets) this.add(secret)
  }

  get isEmpty(): boolean {
    return this.#places.size === 0
  }

  /** Adds a secret; a secret with fewer than eight letters and digits is ignored. */
  add(secret: string): void {
    if (this.#entries.has(secret)) return
    const entries = entriesOf(secret)
    this.#entries.set(secret, entries)
    for (const entry of entries) {
      for (const { hash, at } of gramsOf(entry)) {
        const known = this.#places.get(hash)
        if (known === undefined) this.#places.set(hash, [{ entry, at }])
        else known.push({ entry, at })
        this.#count(hash, 1)
      }
    }
  }

  /** Removes a secret. */
  remove(secret: string): void {
    for (const entry of this.#entries.get(secret) ?? []) {
      for (const { hash } of gramsOf(entry)) {
        const left = this.#places.get(hash)?.filter((place) => place.entry !== entry) ?? []
        if (left.length > 0) this.#places.set(hash, left)
        else this.#places.delete(hash)
        this.#count(hash, -1)
      }
    }
    this.#entries.delete(secret)
  }

  /**
   * Where a text holds secrets, in positions of the original.
   * @param isWhole - Whether only whole secrets count.
   */
  spansIn(form: DecodedText, isWhole: boolean): readonly Span[] {
    if (!this.#mayBeIn(form.text)) return []
    const letters = lettersOf(form.text)
    const { values } = letters
    const spans: Span[] = []
    let hash = 0
    let done = 0
    for (let end = 0; end < values.length; end += 1) {
      hash = hashed(hash, (values[end] ?? 0) + 1, end < GRAM ? 0 : (values[end - GRAM] ?? 0) + 1)
      if (end < GRAM - 1 || end < done) continue
      const found = this.#longest(hash, form, letters, { at: end - GRAM + 1, isWhole })
      if (found === undefined) continue
      spans.push(originOf(form, found.from, found.to))
      done = found.last
    }
    return spans
  }

  // Fast path without allocations: nearly every text holds no secret.
  #mayBeIn(text: string): boolean {
    const latest = new Uint8Array(GRAM)
    let [hash, count] = [0, 0]
    for (let at = 0; at < text.length; at += 1) {
      const value = letterOf(text.charCodeAt(at))
      if (value === NO_LETTER) continue
      const turn = count % GRAM
      hash = hashed(hash, value + 1, latest[turn] ?? 0)
      latest[turn] = value + 1
      count += 1
      if (this.#slots[hash >>> this.#shift] !== 0 && this.#places.has(hash)) return true
    }
    return false
  }

  #longest(
    hash: number,
    form: DecodedText,
    letters: Letters,
    place: { readonly at: number; readonly isWhole: boolean },
  ): Match | undefined {
    let best: Match | undefined
    for (const known of this.#places.get(hash) ?? []) {
      const match = matchAt(known, form.text, letters, place)
      if (match !== undefined && (best === undefined || match.last > best.last)) best = match
    }
    return best
  }

  #count(hash: number, change: number): void {
    const slot = hash >>> this.#shift
    this.#slots[slot] = (this.#slots[slot] ?? 0) + change
  }
}

interface Match {
  /** Positions in the text, both included. */
  readonly from: number
  readonly to: number
  /** Number of the last letter. */
  readonly last: number
}

// A rolling hash of the last letters, counted from 1: one is added, one is removed.
function hashed(hash: number, coming: number, leaving: number): number {
  return (Math.imul(hash, BASE) + coming - Math.imul(leaving, LEADING)) | 0
}

// The secret itself, and the secret after decoding what looks like an escape in it.
function entriesOf(secret: string): readonly Entry[] {
  const isRandom = looksRandom(secret)
  return [...new Set([secret, unescaped({ text: secret }).text])]
    .map((text) => ({ text, letters: lettersOf(text), isRandom }))
    .filter(({ letters }) => letters.values.length >= GRAM)
}

function gramsOf({ letters: { values }, isRandom }: Entry): { readonly hash: number; readonly at: number }[] {
  const grams = new Map<number, number>()
  let hash = 0
  // A whole secret is found by its start.
  const last = isRandom ? values.length : GRAM
  for (let end = 0; end < last; end += 1) {
    hash = hashed(hash, (values[end] ?? 0) + 1, end < GRAM ? 0 : (values[end - GRAM] ?? 0) + 1)
    if (end >= GRAM - 1 && !grams.has(hash)) grams.set(hash, end - GRAM + 1)
  }
  return [...grams].map(([gram, at]) => ({ hash: gram, at }))
}

function matchAt(
  { entry, at: inSecret }: Place,
  text: string,
  { values, places }: Letters,
  { at, isWhole }: { readonly at: number; readonly isWhole: boolean },
): Match | undefined {
  const own = entry.letters.values
  let before = 0
  while (before < inSecret && at - before > 0 && own[inSecret - before - 1] === values[at - before - 1]) before += 1
  let length = 0
  while (
    inSecret + length < own.length &&
    at + length < values.length &&
    own[inSecret + length] === values[at + length]
  )
    length += 1
  if (length < GRAM) return undefined
  const matched = before + length
  const last = at + length - 1
  const [from = 0, to = 0] = [places[at - before], places[last]]
  if (matched < own.length) {
    const fewest = last === values.length - 1 ? SHORTEST_PART_AT_END : SHORTEST_PART
    const isPart = entry.isRandom && !isWhole && matched >= fewest && isRandomPart(entry, inSecret - before, matched)
    return isPart ? { from, to, last } : undefined
  }
  // Words with other signs between them are not a secret, unless there are many; and a short secret may be in a URL by chance.
  if ((!entry.isRandom || isWhole) && matched < SHORTEST_PHRASE && !isSpelledAlike(entry, text, from, to))
    return undefined
  return { ...withSigns(entry, text, from, to), last }
}

function isSpelledAlike({ text: secret, letters: { places } }: Entry, text: string, from: number, to: number): boolean {
  const written = secret.slice(places[0], (places.at(-1) ?? 0) + 1)
  return to + 1 - from === written.length && text.slice(from, to + 1).toLowerCase() === written.toLowerCase()
}

// A word of a secret may be a word of a message.
function isRandomPart({ text, letters: { places } }: Entry, first: number, count: number): boolean {
  return count >= SHORTEST_PHRASE || looksRandom(text.slice(places[first], (places[first + count - 1] ?? 0) + 1))
}

// Signs of a whole secret before its first letter and after its last one belong to it.
function withSigns({ text: secret, letters: { places } }: Entry, text: string, from: number, to: number) {
  const [first = 0, last = 0] = [places[0], places.at(-1)]
  let [before, behind] = [0, 0]
  while (before < first && from > before && secret[first - before - 1] === text[from - before - 1]) before += 1
  while (last + behind + 1 < secret.length && secret[last + behind + 1] === text[to + behind + 1]) behind += 1
  return { from: from - before, to: to + behind }
}
