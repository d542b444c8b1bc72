import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../support/free-port.js'
import { type PostgresServer, serverUser } from './postgres-server.js'
import { endProcess, isInstalled, startProcess } from './server-process.js'

/** A PgBouncer of its own in transaction mode. */
export interface Pgbouncer {
  /** For `new Pool()` of `pg`: the database of the server behind it. */
  readonly config: PostgresServer['config']
  close(): Promise<void>
}

// Where Debian has it, which is not in everyone's PATH.
const ENV = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` }
const PGBOUNCER = 'pgbouncer'

/** Whether tests with PgBouncer are left out, which they report. */
export const isPgbouncerSkipped = !isInstalled(PGBOUNCER, ENV) && process.env.PGBOUNCER_REQUIRED !== '1'
if (isPgbouncerSkipped) console.warn('skipped: tests with PgBouncer; install pgbouncer')

/** Starts PgBouncer on a free port of loopback, with at most `connections` to the server, so that its clients have to share them. */
export async function startPgbouncer(
  { config }: PostgresServer,
  { connections }: { readonly connections: number },
): Promise<Pgbouncer> {
  const folder = await mkdtemp(join(tmpdir(), 'pgbouncer-'))
  const { uid, gid } = serverUser()
  const [settings, users] = [join(folder, 'pgbouncer.ini'), join(folder, 'users')]
  await writeFile(users, `"${config.user}" "${config.password}"\n`)
  const log: string[] = []
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort()
    await writeFile(settings, settingsOf({ config, port, users, connections }))
    if (uid !== undefined) for (const path of [folder, settings, users]) await chown(path, uid, Number(gid))
    const isReady = (line: string) => line.includes('process up')
    const user = { env: ENV, ...(uid !== undefined && { uid }), ...(gid !== undefined && { gid }) }
    const server = await startProcess(PGBOUNCER, [settings], { isReady, user, log })
    if (server) {
      return {
        config: { ...config, port },
        async close() {
          await endProcess(server, 'SIGTERM')
          await rm(folder, { recursive: true })
        },
      }
    }
    // Another process took the port.
    if (attempt === 5) throw new Error(`Could not start PgBouncer: ${log.join('')}`)
  }
}

function settingsOf({
  config,
  port,
  users,
  connections,
}: {
  readonly config: PostgresServer['config']
  readonly port: number
  readonly users: string
  readonly connections: number
}): string {
  return `
    [databases]
    ${config.database} = host=${config.host} port=${config.port}
    [pgbouncer]
    listen_addr = 127.0.0.1
    listen_port = ${port}
    unix_socket_dir =
    auth_type = scram-sha-256
    auth_file = ${users}
    pool_mode = transaction
    default_pool_size = ${connections}
    max_client_conn = 1000
  `.replace(/^ +/gm, '')
}
