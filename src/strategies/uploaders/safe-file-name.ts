const LONGEST_BYTES = 150

/**
 * A name that is safe in every directory: letters and digits of any script, `.`, `_` and `-`, without a path, not
 * hidden, at most 150 bytes with the extension kept. Any other character becomes `_`; an empty name
 * becomes `video`, also before an extension.
 */
export function safeFileName(name: string): string {
  const plain = name.normalize('NFC').replace(/[^\p{L}\p{N}._-]+/gu, '_')
  const { stem, extension } = splitName(plain.replace(/[._-]+$/, ''))
  const clean = stem.replace(/^[._-]+|[._-]+$/g, '') || 'video'
  // Windows reserves these names for devices, whatever the extension.
  const free = /^(con|prn|aux|nul|com\d|lpt\d)$/i.test(clean) ? `_${clean}` : clean
  return shorten(free, LONGEST_BYTES - Buffer.byteLength(extension)) + extension
}

/** `name-2.mp4` for `name.mp4`. */
export function numberedName(name: string, number: number): string {
  const { stem, extension } = splitName(name)
  return `${stem}-${number}${extension}`
}

/** Whether a name ends in an extension such as `.mp4`. */
export function hasExtension(name: string): boolean {
  return splitName(name).extension !== ''
}

function splitName(name: string): { readonly stem: string; readonly extension: string } {
  const extension = /(?<=.)\.[a-z\d]{1,8}$/i.exec(name)?.[0] ?? ''
  return { stem: name.slice(0, name.length - extension.length), extension }
}

function shorten(text: string, maxBytes: number): string {
  let short = ''
  let length = 0
  for (const character of text) {
    length += Buffer.byteLength(character)
    if (length > maxBytes) return short
    short += character
  }
  return short
}
