/** A SHA-256 digest that takes its input in pieces. `node:crypto` is loaded on first use: it slows an import down. */
export function createSha256() {
  return nodeCrypto().createHash('sha256')
}

/** The SHA-256 digest of a text, in hexadecimal digits. */
export function sha256Of(text: string): string {
  return nodeCrypto().hash('sha256', text)
}

let loaded: ReturnType<typeof load> | undefined

function nodeCrypto() {
  loaded ??= load()
  return loaded
}

function load() {
  return process.getBuiltinModule('node:crypto')
}
