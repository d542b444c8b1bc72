import { type AddressInfo, createServer, connect as openSocket, type Socket } from 'node:net'

/** A proxy in front of a server on loopback, which can be made to fail as networks do. */
export interface TcpProxy {
  readonly port: number
  /** From now on nothing goes through, in either direction, and no connection ends. */
  stall(): void
  /** What was held is delivered, and so is everything after it. */
  resume(): void
  /** Swallows the next answer of the server and cuts its connection; resolves when that has happened. */
  loseAnswer(): Promise<void>
  /** Cuts all connections. */
  cut(): void
  close(): Promise<void>
}

/** Starts a proxy. With `replace`, a text in the answers of the server becomes another one of the same length. */
export async function startProxy(
  port: number,
  { replace }: { readonly replace?: readonly [from: string, to: string] } = {},
): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let isStalled = false
  let lost: (() => void) | undefined

  const server = createServer((client) => {
    const upstream = openSocket(port, '127.0.0.1')
    const both = [client, upstream]
    for (const socket of both) {
      sockets.add(socket)
      socket.on('error', () => undefined) // The other side sees the end.
      socket.once('close', () => {
        sockets.delete(socket)
        for (const each of both) each.destroy()
      })
      if (isStalled) socket.pause()
    }
    client.on('data', (data) => upstream.write(data))
    upstream.on('data', (data) => {
      if (lost !== undefined) {
        client.destroy()
        lost()
        lost = undefined
      } else client.write(replace ? Buffer.from(data.toString('latin1').replaceAll(...replace), 'latin1') : data)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    stall() {
      isStalled = true
      for (const socket of sockets) socket.pause()
    },
    resume() {
      isStalled = false
      for (const socket of sockets) socket.resume()
    },
    loseAnswer: () =>
      new Promise((resolve) => {
        lost = resolve
      }),
    cut() {
      for (const socket of sockets) socket.destroy()
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
