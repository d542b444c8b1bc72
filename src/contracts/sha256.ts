/** A SHA-256 digest that takes its input in pieces. `node:crypto` is loaded on first use: it slows an import down. */
export function createSha256() {
  return process.getBuiltinModule('node:crypto').createHash('sha256')
}
