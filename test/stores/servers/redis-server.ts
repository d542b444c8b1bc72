import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../support/free-port.js'
import { endProcess, isInstalled, type ServerProcess, startProcess } from './server-process.js'

/** A Redis of its own, which is empty. */
export interface RedisServer {
  readonly port: number
  /** Ends it at once, as the kernel does, and starts it again on its files. */
  crash(): Promise<void>
  close(): Promise<void>
}

/** Whether tests with Redis are left out, which they report. */
export const isRedisSkipped = !isInstalled('redis-server', process.env) && process.env.REDIS_REQUIRED !== '1'
if (isRedisSkipped) console.warn('skipped: tests with Redis; install redis-server')

// What the README asks for.
const SETTINGS = { appendonly: 'yes', appendfsync: 'always', 'maxmemory-policy': 'noeviction', save: '' }

/** Starts Redis on a free port of loopback with files of its own; `settings` are those of its configuration. */
export async function startRedis(settings: Readonly<Record<string, string>> = {}): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'redis-'))
  const log: string[] = []
  let server: { port: number; process: ServerProcess } | undefined
  const run = async (): Promise<{ port: number; process: ServerProcess }> => {
    for (let attempt = 1; ; attempt += 1) {
      const port = server?.port ?? (await freePort())
      const all = { ...SETTINGS, ...settings, port: String(port), bind: '127.0.0.1', dir: folder }
      const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value])
      const isReady = (line: string) => line.includes('Ready to accept connections')
      const process = await startProcess('redis-server', args, { isReady, user: { env: globalThis.process.env }, log })
      if (process !== undefined) return { port, process }
      // Another process took the port.
      if (attempt === 20) throw new Error(`Could not start Redis: ${log.slice(-20).join('')}`)
      await sleep(50)
    }
  }
  server = await run()
  return {
    port: server.port,
    async crash() {
      if (server) await endProcess(server.process, 'SIGKILL')
      server = await run()
    },
    async close() {
      if (server) await endProcess(server.process, 'SIGTERM')
      await rm(folder, { recursive: true })
    },
  }
}
