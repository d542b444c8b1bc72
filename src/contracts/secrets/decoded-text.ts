/**
 * A text after parts were decoded or removed. Each unit knows which part of the original text it comes from, so that a match can
 * be hidden there.
 */
export interface DecodedText {
  readonly text: string
  /** Absent for the original. */
  readonly places?: Places
}

interface Places {
  /** Start of the part of the original that a unit comes from. */
  readonly from: Uint32Array
  /** End of that part. */
  readonly to: Uint32Array
}

/** Collects the units of a {@link DecodedText}. */
export interface DecodedWriter {
  /** Adds a unit for a range of another text; `to` is not included. */
  add(code: number, of: DecodedText, from: number, to: number): void
  /** Copies a part of another text. */
  copy(of: DecodedText, from: number, to: number): void
  /** Removes the last units. */
  drop(count: number): void
  end(): DecodedText
}

// Half a surrogate pair may become another unit: neither is a letter.
const UTF16 = new TextDecoder('utf-16le', { ignoreBOM: true })

/** A writer with a capacity in units. */
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

/** The part of the original that a range of units comes from, both ends included. */
export function originOf({ places }: DecodedText, first: number, last: number) {
  return { from: places?.from[first] ?? first, to: places?.to[last] ?? last + 1 }
}

/** What an escape stands for, and where the text continues after it. */
export interface Decoded {
  /** `undefined` if it stands for nothing. */
  readonly code: number | undefined
  readonly end: number
}

/** Decodes a text where `read` finds an escape at one of at most two signs; returns the same object if it finds none. */
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

/** The value of a hexadecimal digit; 99 for any other character. */
export function digitOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const lower = code | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : 99
}
