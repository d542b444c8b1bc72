import { createHash } from 'node:crypto'

/**
 * A file name for any text: the same for the same text, different for different ones on every file system, at most 101
 * characters, and readable where the text is: `order-17` becomes `order-17-` and 40 hexadecimal digits.
 */
export function fileNameOf(text: string): string {
  const readable = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]+/g, '-')
    .slice(0, 60)
  // As JSON, because half a surrogate pair has no bytes of its own in UTF-8.
  const digest = createHash('sha256').update(JSON.stringify(text)).digest('hex').slice(0, 40)
  return `${readable}-${digest}`
}

/** The text of a file name, if the name shows all of it, such as `order-17`; otherwise `undefined`. */
export function textOfFileName(name: string): string | undefined {
  const readable = name.replace(/-[0-9a-f]{40}$/, '')
  return fileNameOf(readable) === name ? readable : undefined
}
