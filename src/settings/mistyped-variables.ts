import type { InputProblem } from '../contracts/input-errors.js'
import { editsBetween } from '../contracts/nearest-name.js'

// Prefixes that no other program uses; SORA_ and GOOGLE_DRIVE_ may belong to other programs too.
const OUR_OWN = /^(WATERMARK_FREE|JSONBIN)_/
const PREFIXES = /^(SORA|GOOGLE_DRIVE|WATERMARK_FREE|JSONBIN)_/
const MOST_EDITS = 2

/**
 * Variables that look like a typing error: any unknown one with an exclusive prefix, and one with a shared prefix
 * that is at most two letters away from a known one.
 */
export function mistypedVariables(given: readonly string[], known: readonly string[]): InputProblem[] {
  return given
    .filter((name) => PREFIXES.test(name) && !known.includes(name))
    .flatMap((name) => {
      const [nearest] = known
        .map((candidate) => ({ candidate, edits: editsBetween(name, candidate) }))
        .sort((a, b) => a.edits - b.edits)
      const isNear = nearest !== undefined && nearest.edits <= MOST_EDITS
      if (!isNear && !OUR_OWN.test(name)) return []
      const prefix = PREFIXES.exec(name)?.[0] ?? ''
      const siblings = known.filter((candidate) => candidate.startsWith(prefix)).join(', ')
      return [
        { field: name, value: 'unknown', fix: isNear ? `name it ${nearest.candidate}` : `give one of ${siblings}` },
      ]
    })
}
