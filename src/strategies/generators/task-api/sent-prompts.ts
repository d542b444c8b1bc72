import { matchOf, type SentPrompts } from './prompt-match.js'
import { plainName, textsOf } from './shown-fields.js'
import type { CheckedRequest } from './task-api-request.js'

// The fields in which APIs take a prompt.
const PROMPT = /^(?:(?:text|input|user|positive|video)?prompt(?:text)?|text)$/
// A shorter text is like a prompt for other reasons.
const LEAST_TEXT = 10

/**
 * The prompts of a request to an API, by which its list shows the job: `create` may have put words around the prompt of the video
 * request, shortened it, or written another one.
 */
export function sentPrompts(request: CheckedRequest, prompt: string): SentPrompts {
  const texts = textsOf(request).filter(([, text]) => text.trim() !== '')
  const isNamed = ([name]: (typeof texts)[number]) => PROMPT.test(plainName(name))
  const whole = texts.filter((entry) => isNamed(entry) || entry[1].includes(prompt)).map(([, text]) => text)
  const others = texts
    .map(([, text]) => text)
    .filter((text) => text.length >= LEAST_TEXT && matchOf(text, prompt) !== 'other')
  const known = whole.length > 0 ? whole : others
  const isKnown = known.length > 0
  return { exact: isKnown ? known : [prompt], near: [...whole, ...others, prompt], isKnown }
}
