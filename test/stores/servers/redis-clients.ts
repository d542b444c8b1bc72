import { Redis } from 'ioredis'
import { createClient } from 'redis'
import type { RedisClient } from '../../../src/stores/index.js'

/** A client that is connected. */
export interface OpenClient {
  readonly client: RedisClient
  /** Sends a command, to look at the server from outside. */
  send(name: string, ...args: string[]): Promise<unknown>
  close(): void
}

/** How a client is opened. */
export interface ClientOptions {
  readonly username?: string
  readonly password?: string
}

/** Every kind of client that the store takes, for one server. */
export const CLIENTS: readonly (readonly [
  name: string,
  open: (port: number, options?: ClientOptions) => Promise<OpenClient>,
])[] = [
  [
    'ioredis',
    async (port, options = {}) => {
      const client = new Redis({ host: '127.0.0.1', port, ...options })
      return { client, send: (name, ...args) => client.call(name, ...args), close: () => client.disconnect() }
    },
  ],
  [
    'redis',
    async (port, options = {}) => {
      const client = createClient({ socket: { host: '127.0.0.1', port }, ...options })
      client.on('error', () => undefined)
      await client.connect()
      return { client, send: (...command) => client.sendCommand(command), close: () => client.destroy() }
    },
  ],
]
