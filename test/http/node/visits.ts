import { connect, type Socket } from 'node:net'

/** What a client requests, and the text after which it is done, or leaves. */
export interface Visit {
  readonly request: (prefix: string) => string
  /** Without it the client leaves as soon as it has sent its request. */
  readonly until?: RegExp
  readonly leaves?: true
}

/** Makes so many visits, each kind in its turn, 20 at a time, over connections that are kept where no client leaves. */
export async function visits(
  count: number,
  kinds: readonly Visit[],
  { port, prefix }: { readonly port: number; readonly prefix: string },
): Promise<void> {
  let begun = 0
  const visitor = async () => {
    let line: Line | undefined
    while (begun < count) {
      const { request, until, leaves } = kinds[begun++ % kinds.length] as Visit
      line ??= openLine(port)
      const sent = line.send(request(prefix))
      if (until) await line.hear(until)
      await sent
      if (leaves !== true) continue
      line.socket.destroy()
      line = undefined
    }
    line?.socket.destroy()
  }
  await Promise.all(Array.from({ length: 20 }, visitor))
}

/** A connection, and what came over it since the last thing that was heard. */
interface Line {
  readonly socket: Socket
  send(text: string): Promise<void>
  /** Resolves once what came matches, and forgets it. */
  hear(pattern: RegExp): Promise<void>
}

function openLine(port: number): Line {
  const socket = connect({ port, host: '127.0.0.1' })
  let heard = ''
  let tell: () => void = () => undefined
  // Listened to all the time: a socket that flows does not wait for its next user.
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString('latin1')
    tell()
  })
  socket.on('close', () => tell())
  socket.on('error', () => undefined)
  return {
    socket,
    send: (text) => new Promise((resolve) => void socket.write(text, () => resolve())),
    async hear(pattern) {
      while (!pattern.test(heard)) {
        if (socket.closed) throw new Error(`The server hung up before ${pattern}: ${heard.slice(-200)}`)
        await new Promise<void>((resolve) => {
          tell = resolve
        })
      }
      heard = ''
    },
  }
}
