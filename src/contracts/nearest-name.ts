// Names of the same options in other libraries.
const OTHER_WORDS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    attempts: ['maxAttempts'],
    endpoint: ['baseUrl'],
    host: ['baseUrl', 'hosts'],
    retries: ['maxAttempts'],
    retry: ['maxAttempts'],
    secret: ['apiKey', 'webhookSecret'],
    token: ['apiKey'],
  }),
)
const SHORTEST_PART = 3

/** The known name that a mistyped name most likely means: another spelling, a part of it, or a name a few letters away. */
export function nearestName(given: string, known: readonly string[]): string | undefined {
  const plain = plainOf(given)
  const spelled = known.find((name) => plainOf(name) === plain)
  if (spelled !== undefined) return spelled
  const near = known
    .map((name) => ({ name, edits: editsBetween(plain, plainOf(name)) }))
    .sort((a, b) => a.edits - b.edits || sameStart(b.name, given) - sameStart(a.name, given))[0]
  if (near !== undefined && near.edits <= Math.max(1, Math.floor(plain.length / 4))) return near.name
  const other = OTHER_WORDS.get(plain)?.find((name) => known.includes(name))
  if (other !== undefined || plain.length < SHORTEST_PART) return other
  return known
    .filter((name) => plainOf(name).includes(plain) || (name.length > SHORTEST_PART && plain.includes(plainOf(name))))
    .sort((a, b) => Math.abs(a.length - given.length) - Math.abs(b.length - given.length))[0]
}

/** How many letters have to be added, removed, replaced, or swapped with the next one. */
export function editsBetween(a: string, b: string): number {
  let before: readonly number[] = []
  let row: readonly number[] = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const isExchange = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const exchanged = isExchange ? (before[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY
      next.push(Math.min(replaced, exchanged, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    before = row
    row = next
  }
  return row[b.length] ?? 0
}

// Length of the common prefix of two names.
function sameStart(a: string, b: string): number {
  const difference = [...a].findIndex((letter, index) => letter !== b[index])
  return difference < 0 ? a.length : difference
}

function plainOf(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
}
