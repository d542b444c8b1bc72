import type { Server } from 'node:http'
import type { AddressInfo, Server as NetServer, Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A server that listens on loopback until the test ends. */
export interface Served {
  readonly origin: string
  readonly port: number
  /** Connections that are open now. */
  readonly sockets: ReadonlySet<Socket>
}

/** Lets a server listen; its connections are cut and it is closed when the test ends. */
export async function serve(server: NetServer | Server, scheme = 'http'): Promise<Served> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return { origin: `${scheme}://127.0.0.1:${port}`, port, sockets }
}
