import type { JsonObject } from '../../contracts/json.js'

/** Words in a prompt that make the chat upstream refuse at once, with the content of the error frame. */
const REFUSALS: readonly (readonly [word: string, error: JsonObject])[] = [
  [
    'no-account',
    {
      message:
        "No available tokens for video generation. All tokens are either disabled, cooling down, Sora2 quota exhausted, don't support Sora2, or expired.",
    },
  ],
  ['heavy-load', { message: "We're under heavy load, please try again later." }],
  [
    'unsupported-country',
    { message: 'Sora is not available in your country', code: 'unsupported_country_code', param: 'XX' },
  ],
]

/** The error frame for a word in the prompt; `undefined` for a prompt without such a word. */
export function chatRefusal(prompt: string): JsonObject | undefined {
  const error = REFUSALS.find(([word]) => prompt.includes(word))?.[1]
  return error && errorFrame(error)
}

/** The frame after the time limit of the upstream's own upstream. */
export const CHAT_TIMEOUT: JsonObject = errorFrame({
  message: 'Upstream API timeout: Generation exceeded 3000 seconds limit',
})

/** The frame for a failed job, with the answer of the upstream's own upstream in the text. */
export function failedJobFrame(error: JsonObject): JsonObject {
  return errorFrame({ message: `API request failed: 500 - ${JSON.stringify({ error })}` })
}

// The form of every failure in a stream: status 200, and no choices.
function errorFrame(error: JsonObject): JsonObject {
  return { error: { type: 'server_error', param: null, code: null, ...error } }
}
