import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

// Ports that systems give to connections and to `listen(0)` begin at 32768 or above, so that one of these stays free until it is used,
// even where hundreds of other tests connect meanwhile.
const [FIRST, END] = [10_000, 32_768]

/** A port that is free on every address of this machine, for a process that takes its port from outside or starts again on it. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, END)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, () => resolve(true))
    })
    if (!isFree) continue
    await new Promise((resolve) => server.close(resolve))
    return port
  }
}
