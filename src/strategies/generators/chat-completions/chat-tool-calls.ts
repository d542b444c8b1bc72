import { isRecord } from '../../../upstream/is-record.js'

/** The arguments of the tool calls in a message, which a stream sends in pieces. */
export interface ChatToolCalls {
  add(delta: Readonly<Record<string, unknown>>): void
  /** The arguments of each call, as text. */
  texts(): readonly string[]
}

const MOST_CHARACTERS = 1_000_000

/** Collects the arguments of `tool_calls`, and of the `function_call` that they replaced. */
export function createToolCalls(): ChatToolCalls {
  const texts = new Map<unknown, string>()
  let length = 0
  return {
    add({ tool_calls: calls, function_call: call }) {
      const listed = Array.isArray(calls) ? calls : []
      for (const [position, each] of [...listed.entries(), ...(isRecord(call) ? [['call', call] as const] : [])]) {
        if (!isRecord(each)) continue
        const given = isRecord(each.function) ? each.function.arguments : each.arguments
        const text = typeof given === 'string' ? given : isRecord(given) ? JSON.stringify(given) : ''
        if (length + text.length > MOST_CHARACTERS) continue
        length += text.length
        const key = each.index ?? position
        texts.set(key, `${texts.get(key) ?? ''}${text}`)
      }
    },
    texts: () => [...texts.values()],
  }
}
