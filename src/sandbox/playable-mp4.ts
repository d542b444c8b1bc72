// Boxes that contain the sample tables of an MP4.
const CONTAINERS: ReadonlySet<string> = new Set(['moov', 'trak', 'mdia', 'minf', 'stbl'])

// Boxes that start with the times of creation and modification.
const DATED: ReadonlySet<string> = new Set(['mvhd', 'tkhd', 'mdhd'])

interface Box {
  readonly type: string
  readonly start: number
  /** First byte after the header. */
  readonly content: number
  readonly end: number
}

/**
 * Makes an MP4 of one video track seekable and playable while it downloads: the index (`moov`) is moved before the
 * samples (`mdat`), and gets the list of key frames (`stss`) that a player needs to seek. Its dates are cleared, so
 * that the same video always has the same bytes. The samples are not changed.
 *
 * @param options.keyFrameInterval - Frames from one key frame to the next, starting with the first frame.
 * @throws RangeError when the file is not an MP4 with `moov` after `mdat`.
 */
export function toPlayableMp4(
  file: Uint8Array,
  options: { readonly keyFrameInterval: number },
): Uint8Array<ArrayBuffer> {
  const boxes = [...readBoxes(file, 0, file.length)]
  const index = boxes.find(({ type }) => type === 'moov')
  const samples = boxes.find(({ type }) => type === 'mdat')
  if (index === undefined || samples === undefined || index.start < samples.start) {
    throw new RangeError(
      `Could not find samples and then an index in the MP4: ${boxes.map(({ type }) => type).join(' ')}`,
    )
  }
  const moved = rewriteIndex(file, index, options.keyFrameInterval)
  shiftChunkOffsets(moved, { start: 0, end: moved.length }, moved.length)
  return concat([
    file.subarray(0, samples.start),
    moved,
    file.subarray(samples.start, index.start),
    file.subarray(index.end),
  ])
}

function rewriteIndex(file: Uint8Array, box: Box, interval: number): Uint8Array<ArrayBuffer> {
  if (!CONTAINERS.has(box.type)) {
    const copy = new Uint8Array(file.subarray(box.start, box.end))
    const dates = box.content - box.start + 4
    // Version 1 of these boxes has dates of 64 bits.
    if (DATED.has(box.type)) copy.fill(0, dates, dates + (file[box.content] === 1 ? 16 : 8))
    return copy
  }
  const children = [...readBoxes(file, box.content, box.end)]
  const parts = children.map((child) => rewriteIndex(file, child, interval))
  const sizes = children.find(({ type }) => type === 'stsz')
  if (sizes !== undefined) parts.push(keyFrameBox(viewOf(file).getUint32(sizes.content + 8), interval))
  return writeBox(box.type, concat(parts))
}

function keyFrameBox(frameCount: number, interval: number): Uint8Array<ArrayBuffer> {
  const count = Math.ceil(frameCount / interval)
  const content = new Uint8Array(8 + count * 4)
  const view = viewOf(content)
  view.setUint32(4, count)
  for (let key = 0; key < count; key += 1) view.setUint32(8 + key * 4, key * interval + 1)
  return writeBox('stss', content)
}

function shiftChunkOffsets(file: Uint8Array, { start, end }: Pick<Box, 'start' | 'end'>, shift: number): void {
  const view = viewOf(file)
  for (const box of readBoxes(file, start, end)) {
    if (CONTAINERS.has(box.type)) shiftChunkOffsets(file, { start: box.content, end: box.end }, shift)
    if (box.type !== 'stco' && box.type !== 'co64') continue
    const first = box.content + 8
    const count = view.getUint32(box.content + 4)
    for (let entry = 0; entry < count; entry += 1) {
      if (box.type === 'stco') view.setUint32(first + entry * 4, view.getUint32(first + entry * 4) + shift)
      else view.setBigUint64(first + entry * 8, view.getBigUint64(first + entry * 8) + BigInt(shift))
    }
  }
}

function* readBoxes(file: Uint8Array, from: number, to: number): Iterable<Box> {
  const view = viewOf(file)
  for (let start = from; start < to; ) {
    const size = start + 8 <= to ? view.getUint32(start) : 0
    const isLarge = size === 1 && start + 16 <= to // A size of 1 means that a 64-bit one follows.
    const content = start + (isLarge ? 16 : 8)
    const end = start + (isLarge ? Number(view.getBigUint64(start + 8)) : size)
    if (end < content || end > to) throw new RangeError(`Could not read the box of the MP4 at byte: ${start}`)
    yield { type: String.fromCharCode(...file.subarray(start + 4, start + 8)), start, content, end }
    start = end
  }
}

function writeBox(type: string, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(8)
  viewOf(header).setUint32(0, header.length + content.length)
  header.set(
    Array.from(type, (character) => character.charCodeAt(0)),
    4,
  )
  return concat([header, content])
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
