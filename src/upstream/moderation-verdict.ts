const WORDS =
  /moderat|content[_ -]?(policy|filter|violation|blocked|rejected)|policy[_ -]?violation|safety|guardrail|nsfw|sensitive[_ -]?content/i

const SENTENCES =
  /content polic|usage polic|moderation (system|filter|block)|\bmoderated\b|guardrail|safety (system|filter|check)|violates? (our|the)|inappropriate content|sensitive content/i

/**
 * Whether an upstream's words or sentence name a moderation verdict. There is no closed list of codes: `moderation_blocked`,
 * `content_policy_violation`, `Content Moderated` and their like all count.
 */
export function isModerationVerdict(words: readonly string[], message: string): boolean {
  return words.some((word) => WORDS.test(word)) || SENTENCES.test(message)
}
