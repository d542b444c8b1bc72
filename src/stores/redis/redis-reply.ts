// A client may be set to give texts as bytes, or numbers as texts.

/** The text of a reply. */
export function textOf(reply: unknown): string {
  return Buffer.isBuffer(reply) ? reply.toString('utf8') : String(reply)
}

/** The text of a part of a reply; `undefined` when the server has none. */
export function optionalText(reply: unknown): string | undefined {
  return reply === null || reply === undefined ? undefined : textOf(reply)
}

/** The texts of a reply that is a list. */
export function textsOf(reply: unknown): readonly string[] {
  return (reply as readonly unknown[]).map(textOf)
}

/** Whether a script gave 1. */
export function isOne(reply: unknown): boolean {
  return Number(textOf(reply)) === 1
}
