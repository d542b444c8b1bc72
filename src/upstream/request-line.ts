// A `fetch` would open a connection for each request; `node:http` would keep each as a whole while it waits for one.

/** The requests of one origin. */
interface Line {
  taken: number
  readonly waiting: Set<() => void>
}

const lines = new Map<string, Line>()

/**
 * Does an exchange as soon as fewer than `maxSockets` others of the origin are under way, in the order of the calls.
 * An abort rejects with its reason, also in the line.
 */
export async function inRequestLine<T>(
  { origin, maxSockets }: { readonly origin: string; readonly maxSockets: number },
  signal: AbortSignal,
  exchange: () => Promise<T>,
): Promise<T> {
  const key = `${maxSockets} ${origin}`
  const line = lines.get(key) ?? { taken: 0, waiting: new Set() }
  lines.set(key, line)
  if (line.taken < maxSockets) line.taken += 1
  else await turn(line, signal)
  try {
    return await exchange()
  } finally {
    leave(key, line)
  }
}

function turn({ waiting }: Line, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const enter = () => {
      signal.removeEventListener('abort', giveUp)
      resolve()
    }
    const giveUp = () => {
      waiting.delete(enter)
      reject(signal.reason)
    }
    if (signal.aborted) return giveUp()
    waiting.add(enter)
    signal.addEventListener('abort', giveUp, { once: true })
  })
}

// The place goes to the first in the line; a line without requests is forgotten.
function leave(key: string, line: Line): void {
  const [first] = line.waiting
  if (first !== undefined) {
    line.waiting.delete(first)
    first()
    return
  }
  line.taken -= 1
  if (line.taken === 0) lines.delete(key)
}
