import * as z from 'zod/mini'

// Servers write null, omit fields, or send undocumented types: what cannot be read is absent.
const text = z.catch(z.optional(z.string()), undefined)
const numeric = z.catch(z.optional(z.number()), undefined)

// A text, or a list of parts with texts in them.
const parts = z.catch(
  z.optional(
    z.union([
      z.string(),
      z.pipe(
        z.array(z.looseObject({ text })),
        z.transform((list) => list.map((part) => part.text ?? '').join('')),
      ),
    ]),
  ),
  undefined,
)

const Output = z.looseObject({ url: text, task_id: text, generation_id: text })

const Delta = z.looseObject({
  content: parts,
  reasoning_content: parts,
  refusal: text,
  progress: numeric,
  wm: z.catch(z.optional(z.looseObject({ stage: text, attempt: numeric })), undefined),
  output: z.catch(z.optional(z.array(Output)), undefined),
})

const Choice = z.looseObject({
  delta: z.catch(z.optional(Delta), undefined),
  message: z.catch(z.optional(Delta), undefined),
  finish_reason: text,
})

/** One chunk of a chat stream, or a whole chat completion, with every field that could be read. */
export const ChatFrame = z.looseObject({
  id: text,
  object: text,
  choices: z.catch(z.optional(z.array(Choice)), undefined),
  usage: z.catch(z.optional(z.record(z.string(), z.json())), undefined),
})

/** A parsed {@link ChatFrame}. */
export type ChatFrame = z.output<typeof ChatFrame>

/** The addition of a frame to the message. */
export type ChatDelta = z.output<typeof Delta>

/** The parts of a message other than texts. */
export function otherParts(body: unknown): unknown {
  const choices: unknown = Object(body).choices
  if (!Array.isArray(choices)) return undefined
  return choices.flatMap((choice) => {
    const { delta, message } = Object(choice)
    const content: unknown = Object(delta ?? message).content
    return Array.isArray(content) ? content.filter((part) => Object(part).text === undefined) : []
  })
}

/** The other fields of a delta: videos appear under many names. */
export function otherFields(delta: ChatDelta): unknown {
  const { content: _, reasoning_content: __, refusal: ___, output: ____, progress: _____, wm: ______, ...rest } = delta
  const { tool_calls: _______, function_call: ________, ...fields } = rest
  return fields
}
