// Starts Redis or PostgreSQL on a free port of loopback, in a temporary folder that goes with it.
import { execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type ServerKind = 'redis' | 'postgres'

/** A server that is running. */
export interface Server {
  /** With its password. */
  readonly url: string
  readonly port: number
  /** Id of its process. */
  readonly pid: number
  close(): Promise<void>
}

/** The program of a server is not on this machine. */
export class ServerMissingError extends Error {
  override readonly name = 'ServerMissingError'
  readonly program: string

  constructor(program: string, debianPackage: string) {
    super(`Could not start the server: ${program} is not installed (install it: apt-get install ${debianPackage})`)
    this.program = program
  }
}

interface Launch {
  readonly program: string
  readonly args: readonly string[]
  readonly readyLine: string
  readonly url: string
  readonly user: User
}

/** Who a server runs as, and what it sees. */
interface User {
  readonly env: NodeJS.ProcessEnv
  readonly uid?: number
  readonly gid?: number
}

const INITDB = 'initdb'
const ENV = { ...process.env, LC_ALL: 'C.UTF-8' }

/**
 * Starts a server that is empty.
 * @throws ServerMissingError when its program is not installed.
 */
export async function startServer(kind: ServerKind): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'cluster-example-'))
  try {
    const launch = kind === 'redis' ? redisIn(folder) : await postgresIn(folder)
    // Another process may take the free port first.
    for (let attempt = 1; ; attempt += 1) {
      const port = await freePort()
      const running = await run(launch(port))
      if (typeof running === 'string') {
        if (attempt === 5) throw new Error(`Could not start the server: ${running}`)
        continue
      }
      const { child, ended } = running
      const close = async () => {
        child.kill('SIGINT') // PostgreSQL closes connections that are left; Redis ends as well.
        await ended
        await rm(folder, { recursive: true, force: true })
      }
      return { url: launch(port).url, port, pid: Number(child.pid), close }
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

function redisIn(folder: string): (port: number) => Launch {
  assertInstalled('redis-server', 'redis-server', { env: ENV })
  // The settings that the promise of one paid job needs.
  const settings = { bind: '127.0.0.1', dir: folder, appendonly: 'yes', appendfsync: 'always', save: '' }
  const args = Object.entries({ ...settings, 'maxmemory-policy': 'noeviction' }).flatMap(([name, value]) => [
    `--${name}`,
    value,
  ])
  return (port) => ({
    program: 'redis-server',
    args: ['--port', String(port), ...args],
    readyLine: 'Ready to accept connections',
    url: `redis://127.0.0.1:${port}`,
    user: { env: ENV },
  })
}

async function postgresIn(folder: string): Promise<(port: number) => Launch> {
  assertInstalled(INITDB, 'postgresql', { env: postgresEnv() })
  const user = postgresUser()
  if (user.uid !== undefined && user.gid !== undefined) await chown(folder, user.uid, user.gid)
  const [data, passwordFile, password] = [join(folder, 'data'), join(folder, 'password'), randomUUID()]
  await writeFile(passwordFile, password)
  const access = ['-U', 'admin', '-A', 'scram-sha-256', '--pwfile', passwordFile]
  const locale = ['-E', 'UTF8', '--locale', 'C.UTF-8']
  execFileSync(INITDB, ['-D', data, ...access, ...locale], { ...user, stdio: 'ignore' })
  return (port) => ({
    program: 'postgres',
    args: [
      '-D',
      data,
      '-p',
      String(port),
      '-c',
      `unix_socket_directories=${folder}`,
      '-c',
      'listen_addresses=127.0.0.1',
    ],
    readyLine: 'ready to accept connections',
    url: `postgres://admin:${password}@127.0.0.1:${port}/postgres`,
    user,
  })
}

/** Resolves to the process when it is ready, or to what it printed when it ended before. */
async function run({ program, args, readyLine, user }: Launch) {
  const child = spawn(program, args, { ...user, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'close')
  let printed = ''
  const isReady = new Promise<boolean>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        printed = (printed + text).slice(-5000)
        if (printed.includes(readyLine)) resolve(true)
      })
    }
    ended.then(() => resolve(false))
  })
  return (await isReady) ? { child, ended } : printed
}

function assertInstalled(program: string, debianPackage: string, { env }: User): void {
  try {
    execFileSync(program, ['--version'], { env, stdio: 'ignore' })
  } catch {
    throw new ServerMissingError(program, debianPackage)
  }
}

// It refuses to run as root.
function postgresUser(): User {
  const env = postgresEnv()
  if (process.getuid?.() !== 0) return { env }
  const idOf = (kind: '-u' | '-g') => Number(execFileSync('id', [kind, 'postgres'], { encoding: 'utf8' }))
  return { env, uid: idOf('-u'), gid: idOf('-g') }
}

// Debian keeps its programs out of the PATH.
function postgresEnv(): NodeJS.ProcessEnv {
  const home = '/usr/lib/postgresql'
  const folders = existsSync(home) ? readdirSync(home).map((version) => `${home}/${version}/bin`) : []
  return { ...ENV, PATH: [process.env.PATH, ...folders].join(':') }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
