import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A client that writes bytes unchanged, and keeps what comes back. */
export interface RawClient {
  readonly socket: Socket
  /** What has come so far. */
  readonly text: string
  write(text: string | Uint8Array): void
  /** Resolves when what has come matches so many times. Rejects when the connection closes before. */
  until(pattern: RegExp, times?: number): Promise<string>
  /** How the connection ended: `end` by a clean end, else the code of the error, such as `ECONNRESET`. */
  readonly ended: Promise<string>
}

export function rawClient(port: number): RawClient {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  let text = ''
  let isOver = false
  let look = () => {}
  socket.setEncoding('latin1')
  socket.on('data', (chunk) => {
    text += chunk
    look()
  })
  const ended = new Promise<string>((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    socket.on('end', () => resolve('end'))
    socket.on('close', () => {
      isOver = true
      look()
      resolve('close')
    })
  })
  return {
    socket,
    ended,
    get text() {
      return text
    },
    write: (data) => void socket.write(data),
    until: (pattern, times = 1) =>
      new Promise((resolve, reject) => {
        const every = new RegExp(pattern, `g${pattern.flags}`)
        look = () => {
          if ((text.match(every)?.length ?? 0) >= times) resolve(text)
          else if (isOver) reject(new Error(`The connection closed before ${pattern}: ${text}`))
        }
        look()
      }),
  }
}
