import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../support/free-port.js'
import { endProcess, isInstalled, type ServerProcess, type ServerUser, startProcess } from './server-process.js'

/** A PostgreSQL of its own, with an empty database `postgres`. */
export interface PostgresServer {
  readonly port: number
  /** For `new Pool()` of `pg`; the user may do everything. */
  readonly config: { host: string; port: number; user: string; password: string; database: string }
  /** Ends all its processes at once, as the kernel does, and starts it again on its files. */
  crash(): Promise<void>
  close(): Promise<void>
}

/** Password of the user. */
export const PASSWORD = 'pg-Pa55word-of-the-tests'

// Where Debian has it, which is not in everyone's PATH.
const FOLDERS = (() => {
  try {
    return readdirSync('/usr/lib/postgresql').map((version) => `/usr/lib/postgresql/${version}/bin`)
  } catch {
    return []
  }
})()
const ENV = { ...process.env, PATH: [process.env.PATH, ...FOLDERS].join(':'), LC_ALL: 'C.UTF-8' }

const INITDB = 'initdb'
const isThere = isInstalled('postgres', ENV) && isInstalled(INITDB, ENV)

/** Whether tests with PostgreSQL are left out, which they report. */
export const isPostgresSkipped = !isThere && process.env.POSTGRES_REQUIRED !== '1'
if (isPostgresSkipped) console.warn('skipped: tests with PostgreSQL; install postgresql')

/** Starts PostgreSQL on a free port of loopback with files of its own; `more` are settings such as `fsync=off`. */
export async function startPostgres(...more: readonly string[]): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), 'postgres-'))
  const user = serverUser()
  if (user.uid !== undefined) await chown(folder, user.uid, Number(user.gid))
  const [data, passwords] = [join(folder, 'data'), join(folder, 'password')]
  await writeFile(passwords, PASSWORD)
  execFileSync(
    INITDB,
    [
      '-D',
      data,
      '-U',
      'admin',
      '-A',
      'scram-sha-256',
      '--pwfile',
      passwords,
      '-E',
      'UTF8',
      '--locale',
      'C.UTF-8',
      '-N',
    ],
    { ...user, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const log: string[] = []
  const run = async (): Promise<{ port: number; process: ServerProcess }> => {
    const port = server?.port ?? (await freePort())
    const settings = [`unix_socket_directories=${folder}`, 'listen_addresses=127.0.0.1', ...more]
    const args = ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])]
    const isReady = (line: string) => line.includes('database system is ready to accept connections')
    const process = await startProcess('postgres', args, { isReady, user, log })
    if (process !== undefined) return { port, process }
    // Another process took the port, or one of the server before still holds its memory.
    if (log.length > 2_000) throw new Error(`Could not start PostgreSQL: ${log.slice(-20).join('')}`)
    await sleep(50)
    return run()
  }
  let server: { port: number; process: ServerProcess } | undefined
  server = await run()
  const { port } = server
  return {
    port,
    config: { host: '127.0.0.1', port, user: 'admin', password: PASSWORD, database: 'postgres' },
    async crash() {
      if (server) await endProcess(server.process, 'SIGKILL')
      server = await run()
    },
    async close() {
      // Fast shutdown: connections that are left are closed.
      if (server) await endProcess(server.process, 'SIGINT')
      await rm(folder, { recursive: true })
    },
  }
}

/** The user of a server that refuses to run as root. */
export function serverUser(): ServerUser {
  if (process.getuid?.() !== 0) return { env: ENV }
  const idOf = (kind: '-u' | '-g') => Number(execFileSync('id', [kind, 'postgres'], { encoding: 'utf8' }))
  return { uid: idOf('-u'), gid: idOf('-g'), env: ENV }
}
