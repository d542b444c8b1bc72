import type { InputProblem } from '../contracts/input-errors.js'

// Nobody else uses these prefixes; SORA_ and GOOGLE_DRIVE_ may be other programs' too.
const OUR_OWN = /^(WATERMARK_FREE|JSONBIN)_/
const PREFIXES = /^(SORA|GOOGLE_DRIVE|WATERMARK_FREE|JSONBIN)_/
const MOST_EDITS = 2

/**
 * Variables that look like a typing error: any unknown one with a prefix of ours, and one with a shared prefix that is at most
 * two letters away from a known one.
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

/** How many letters have to be added, taken out or replaced. */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
