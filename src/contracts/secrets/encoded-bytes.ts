import { type DecodedText, decodedWriter, digitOf, originOf } from './decoded-text.js'

const PAIRS = /(?:0x)?[\da-f]{2}(?:[\s:,;_\u00ad\u200b-\u2064\ufeff\uffff-]{0,3}(?:0x)?[\da-f]{2}){7,}[\da-f]?/gi
// As `[115,107]`, `115 107` and `{"0":115,"1":107}`.
const NUMBERS = /(?<![\d.])\d{2,3}(?:[\s,;]{1,6}(?:"\d{1,6}":\s?)?\d{2,3}){7,}(?!\d)/g
const BITS = /(?<![\d.])[01]{8}(?:[\s,;]{0,3}[01]{8}){7,}(?!\d)/g
const NUMBER = /(?:"\d{1,6}":\s?)?(\d{2,3})/g
// For a key of ten letters.
const SHORTEST_BASE64 = 14
const EIGHT_BITS = /([01]{8})/g
const SHORTEST_ROW = 8
const SEPARATOR = 0xffff
const BLANK = 32
const SHIFTS = [0, 1, 2, 3]

/**
 * The bytes that are encoded in the forms of one text: as base64 at each alignment, in hex, or as a list of numbers or bits.
 * Those that several forms share are decoded once.
 */
export function encodedBytes(forms: readonly DecodedText[]): readonly DecodedText[] {
  const [isNewBase64, isNewHex, isNewList, areNewBits] = [newRuns(), newRuns(), newRuns(), newRuns()]
  return forms
    .flatMap((form) => [
      ...base64Runs(form.text)
        .filter((letters) => isNewBase64(form, letters[0] ?? 0, form.text.slice(letters[0], (letters.at(-1) ?? 0) + 1)))
        .flatMap((letters) => SHIFTS.map((shift) => fromBase64(form, letters.subarray(shift)))),
      ...[...form.text.matchAll(PAIRS)]
        .filter(({ 0: run, index }) => isNewHex(form, index, run))
        .flatMap(({ 0: run, index }) => fromHex(form, index, run)),
      ...[...form.text.matchAll(NUMBERS)]
        .filter(({ 0: run, index }) => isNewList(form, index, run))
        .flatMap(({ 0: run, index }) => [
          fromNumbers(form, index, run, { each: NUMBER, base: 10 }),
          fromNumbers(form, index, run, { each: NUMBER, base: 8 }),
        ]),
      ...[...form.text.matchAll(BITS)]
        .filter(({ 0: run, index }) => areNewBits(form, index, run))
        .map(({ 0: run, index }) => fromNumbers(form, index, run, { each: EIGHT_BITS, base: 2 })),
    ])
    .filter((bytes) => bytes.text !== '')
}

// Whether a run was not in an earlier form. Every escape and tag makes a text shorter, so two runs with the same text from the same
// part of the original have no escape or the same ones in them.
function newRuns(): (form: DecodedText, start: number, run: string) => boolean {
  const known = new Map<number, { readonly to: number; readonly run: string }[]>()
  return (form, start, run) => {
    const { from, to } = originOf(form, start, start + run.length - 1)
    const sameStart = known.get(from)
    if (sameStart === undefined) known.set(from, [{ to, run }])
    else if (sameStart.some((other) => other.to === to && other.run === run)) return false
    else sameStart.push({ to, run })
    return true
  }
}

// Positions of the letters. Line ends, the blanks after them and invisible characters may be between them.
function base64Runs(text: string): readonly Uint32Array[] {
  const runs: Uint32Array[] = []
  const places = new Uint32Array(text.length)
  let [start, end] = [0, 0]
  let isLineStart = false
  const endRun = () => {
    if (end - start >= SHORTEST_BASE64) {
      runs.push(places.subarray(start, end))
      start = end
    } else end = start
  }
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code < 128 && (SIXES[code] ?? 64) < 64) {
      places[end] = at
      end += 1
      isLineStart = false
    } else if (isBreak(code)) isLineStart = true
    else if (end > start && (code !== BLANK || !isLineStart)) endRun()
  }
  endRun()
  return runs
}

function isBreak(code: number): boolean {
  return (
    code === 9 || code === 10 || code === 13 || code === 0xad || (code >= 0x200b && code <= 0x2064) || code >= 0xfeff
  )
}

function fromBase64(form: DecodedText, letters: Uint32Array): DecodedText {
  const writer = byteWriter(letters.length)
  for (let at = 0; at + 1 < letters.length; at += 1) {
    if (at % 4 === 3) continue
    const [here = 0, next = 0] = [letters[at], letters[at + 1]]
    const pair = (SIXES[form.text.charCodeAt(here)] ?? 0) * 64 + (SIXES[form.text.charCodeAt(next)] ?? 0)
    writer.add((pair >> (4 - 2 * (at % 4))) & 255, form, here, next + 1)
  }
  return writer.end()
}

function fromHex(form: DecodedText, start: number, run: string): readonly DecodedText[] {
  const digits: number[] = []
  for (let at = 0; at < run.length; at += 1) {
    const isPrefix = run.charAt(at) === '0' && /x/i.test(run.charAt(at + 1))
    if (isPrefix) at += 1
    else if (digitOf(run.charCodeAt(at)) < 16) digits.push(at)
  }
  // The first digit may belong to the text before it.
  return [0, 1].map((shift) => {
    const writer = byteWriter(digits.length)
    for (let turn = shift; turn + 1 < digits.length; turn += 2) {
      const [high = 0, low = 0] = [digits[turn], digits[turn + 1]]
      const byte = digitOf(run.charCodeAt(high)) * 16 + digitOf(run.charCodeAt(low))
      writer.add(byte, form, start + high, start + low + 1)
    }
    return writer.end()
  })
}

function fromNumbers(
  form: DecodedText,
  start: number,
  run: string,
  { each, base }: { readonly each: RegExp; readonly base: number },
): DecodedText {
  const writer = byteWriter(run.length)
  for (const { 0: number, 1: digits = '', index } of run.matchAll(each))
    writer.add(Number.parseInt(digits, base), form, start + index, start + index + number.length)
  return writer.end()
}

// Most decoded bytes are noise. Only runs of letters and signs are kept, with or without zeros between them, as in UTF-16.
function byteWriter(room: number) {
  const writer = decodedWriter(room)
  let row = 0
  const endRow = (form: DecodedText, at: number) => {
    if (row < SHORTEST_ROW) writer.drop(row)
    else writer.add(SEPARATOR, form, at, at + 1)
    row = 0
  }
  return {
    add(byte: number, form: DecodedText, from: number, to: number) {
      if (byte === 0) return
      if (!isWritten(byte)) return endRow(form, from)
      writer.add(byte, form, from, to)
      row += 1
    },
    end() {
      if (row < SHORTEST_ROW) writer.drop(row)
      return writer.end()
    },
  }
}

function isWritten(byte: number): boolean {
  return (byte >= 32 && byte < 127) || byte === 9 || byte === 10 || byte === 13
}

// Both alphabets; 64 for characters of neither.
const SIXES = new Uint8Array(128).fill(64)
for (const alphabet of ['+/', '-_']) {
  const letters = `ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789${alphabet}`
  for (const [value, letter] of [...letters].entries()) SIXES[letter.charCodeAt(0)] = value
}
