import { promptWords, unescapedPrompt } from '../../../contracts/prompt-words.js'
import type { VideoRequest } from '../../../contracts/request.js'

/** The prompts by which a list shows that a job is the one that was submitted. */
export interface SentPrompts {
  /** A job with one of them has the prompt that was sent. */
  readonly exact: readonly string[]
  /** A job with a prompt that is like one of them may be the one that was submitted. */
  readonly near: readonly string[]
  /** Whether a job that was submitted shows one of them; otherwise no list proves that it is absent. */
  readonly isKnown: boolean
}

/** How a listed prompt compares with one that was sent: `alike` if a server may have made it from that. */
export type PromptMatch = 'same' | 'alike' | 'other'

/** The prompts of a request that is sent as it is: `providerOptions` are merged last. */
export function promptsOf({ prompt, providerOptions = {} }: VideoRequest): SentPrompts {
  const sent = Object.hasOwn(providerOptions, 'prompt') ? providerOptions.prompt : prompt
  const exact = typeof sent === 'string' ? [sent] : []
  return { exact, near: exact, isKnown: exact.length > 0 }
}

/** How the prompts of a listed job compare with those that were sent. */
export function matchOfPrompts(listed: readonly string[], { exact, near }: SentPrompts): PromptMatch {
  const isSame = listed.some((shown) => exact.some((sent) => matchOf(shown, sent) === 'same'))
  if (isSame) return 'same'
  return listed.some((shown) => near.some((sent) => matchOf(shown, sent) !== 'other')) ? 'alike' : 'other'
}

/**
 * Compares a listed prompt with one that was sent. A server may have trimmed it, escaped it for HTML, cut it to any length, or changed its
 * case, blanks and signs.
 */
export function matchOf(listed: string, sent: string): PromptMatch {
  const whole = plain(sent)
  if (plain(listed) === whole || plain(unescapedPrompt(listed)) === whole) return 'same'
  return bare(sent).startsWith(bare(listed)) ? 'alike' : 'other'
}

// A form turns every line end into CRLF, and many servers trim.
function plain(prompt: string): string {
  return prompt.replace(/\r\n?/g, '\n').trim().normalize('NFC')
}

// A cut may have left a part of an entity at the end.
function bare(prompt: string): string {
  return promptWords(prompt.replace(/&#?\w{0,6}$/, ''))
}
