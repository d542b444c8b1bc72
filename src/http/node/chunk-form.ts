import type { NodeResponse } from './node-messages.js'

/** How the texts of a body are written. */
export interface ChunkForm {
  next(text: string): string
  /** The end of the body; `text` may be empty. */
  last(text: string): string
}

/** Texts as they are: Node writes what surrounds them. */
export const PLAIN: ChunkForm = { next: (text) => text, last: (text) => text }

// Node writes the length, both line ends and the text of a chunk as four pieces, which costs more than the text.
const CHUNKED: ChunkForm = {
  next: chunkOf,
  last: (text) => `${text === '' ? '' : chunkOf(text)}0\r\n\r\n`,
}

/**
 * The form of the body of a response whose head was written. From then on the caller writes the chunks of a chunked response of Node,
 * byte for byte as Node does. Not if middleware has replaced its methods, such as for compression.
 */
export function formOf(response: NodeResponse): ChunkForm {
  if (response.chunkedEncoding !== true || !isOfNode(response)) return PLAIN
  response.chunkedEncoding = false
  return CHUNKED
}

function isOfNode({ write, end }: NodeResponse): boolean {
  const { ServerResponse } = process.getBuiltinModule('node:http')
  return write === ServerResponse.prototype.write && end === ServerResponse.prototype.end
}

function chunkOf(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}
