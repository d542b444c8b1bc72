// Texts of one statement; more wait for the next one.
const MOST = 200

interface Waiting<Given, Reply> {
  readonly key: string
  readonly given: Given
  resolve(reply: Reply): void
  reject(error: unknown): void
}

/**
 * Makes a call of many at once: calls that come while one is under way share the next one. A call waits for no other, unless the
 * server is slower than the calls come. Calls with one key are made one after the other.
 */
export function groupedCalls<Given, Reply>(
  callAll: (all: readonly Given[]) => Promise<readonly Reply[]>,
): (key: string, given: Given) => Promise<Reply> {
  let waiting: Waiting<Given, Reply>[] = []
  let isBusy = false

  const next = (): readonly Waiting<Given, Reply>[] => {
    const group = new Map<string, Waiting<Given, Reply>>()
    const later: Waiting<Given, Reply>[] = []
    for (const call of waiting) {
      if (group.size < MOST && !group.has(call.key)) group.set(call.key, call)
      else later.push(call)
    }
    waiting = later
    return [...group.values()]
  }
  const work = async () => {
    isBusy = true
    while (waiting.length > 0) {
      const group = next()
      try {
        const replies = await callAll(group.map(({ given }) => given))
        for (const [index, { resolve }] of group.entries()) resolve(replies[index] as Reply)
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    isBusy = false
  }

  return (key, given) =>
    new Promise((resolve, reject) => {
      waiting.push({ key, given, resolve, reject })
      if (!isBusy) work()
    })
}
