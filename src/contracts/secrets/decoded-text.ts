/**
 * A text after something was decoded or left out of it. Each of its units knows which part of the original text it stands for, so that
 * what is found in it can be hidden there.
 */
export interface DecodedText {
  readonly text: string
  /** Absent where it is the original. */
  readonly places?: Places
}

interface Places {
  /** Where in the original the part begins that a unit stands for. */
  readonly from: Uint32Array
  /** Where it ends. */
  readonly to: Uint32Array
}

/** Collects the units of a {@link DecodedText}. */
export interface DecodedWriter {
  /** Adds a unit that stands for a part of another text, from one of its units to before another one. */
  add(code: number, of: DecodedText, from: number, to: number): void
  /** Adds a part of another text unchanged. */
  copy(of: DecodedText, from: number, to: number): void
  /** Takes the last ones back. */
  drop(count: number): void
  end(): DecodedText
}

// A half of a pair of units becomes another unit: neither is a letter.
const UTF16 = new TextDecoder('utf-16le', { ignoreBOM: true })

/** A writer with room for so many units. */
export function decodedWriter(room: number): DecodedWriter {
  const [codes, from, to] = [new Uint16Array(room), new Uint32Array(room), new Uint32Array(room)]
  let length = 0
  return {
    add(code, { places }, start, end) {
      codes[length] = code
      from[length] = places === undefined ? start : (places.from[start] ?? 0)
      to[length] = places === undefined ? end : (places.to[end - 1] ?? 0)
      length += 1
    },
    copy({ text, places }, start, end) {
      for (let at = start; at < end; at += 1) {
        codes[length] = text.charCodeAt(at)
        from[length] = places === undefined ? at : (places.from[at] ?? 0)
        to[length] = places === undefined ? at + 1 : (places.to[at] ?? 0)
        length += 1
      }
    },
    drop(count) {
      length -= count
    },
    end() {
      return {
        text: UTF16.decode(codes.subarray(0, length)),
        places: { from: from.subarray(0, length), to: to.subarray(0, length) },
      }
    },
  }
}

/** The part of the original that a part of a text stands for, from one of its units to another one, both included. */
export function originOf({ places }: DecodedText, first: number, last: number) {
  return { from: places?.from[first] ?? first, to: places?.to[last] ?? last + 1 }
}

/** What one sign stands for, and where the text continues behind it. */
export interface Decoded {
  /** `undefined` when it stands for nothing. */
  readonly code: number | undefined
  readonly end: number
}

/** Decodes a text where `read` finds something to decode at one of at most two signs; the same object where it finds nothing. */
export function decodedOnce(
  form: DecodedText,
  signs: readonly number[],
  read: (text: string, at: number) => Decoded | undefined,
): DecodedText {
  const { text } = form
  const [first, second = first] = signs
  let writer: DecodedWriter | undefined
  let plain = 0
  const copiedTo = (end: number) => {
    writer ??= decodedWriter(text.length)
    writer.copy(form, plain, end)
    return writer
  }
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code !== first && code !== second) continue
    const found = read(text, at)
    if (found === undefined) continue
    const into = copiedTo(at)
    if (found.code !== undefined) into.add(found.code, form, at, found.end)
    plain = found.end
    at = found.end - 1
  }
  return writer === undefined ? form : copiedTo(text.length).end()
}

/** The value of a hexadecimal digit; 99 for anything else. */
export function digitOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const lower = code | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : 99
}
