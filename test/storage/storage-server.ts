import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../support/free-port.js'

/** A server of `setup.sh`. */
export type StorageKind = 'rclone-s3' | 'rclone-webdav' | 'versitygw' | 'azurite'

/** A real server that is running, on loopback and with files of its own. */
export interface StorageServer {
  readonly origin: string
  /** Every file that it keeps, parts of uploads among them, as paths in order. */
  files(): Promise<readonly string[]>
  close(): Promise<void>
}

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const PROGRAMS: Readonly<Record<StorageKind, string>> = {
  'rclone-s3': pathOf('.venv/bin/rclone'),
  'rclone-webdav': pathOf('.venv/bin/rclone'),
  versitygw: pathOf('.versitygw/versitygw'),
  azurite: pathOf('.azurite/node_modules/azurite/dist/src/blob/main.js'),
}

/** What the servers take as credentials. */
export const SERVER_KEYS = { accessKeyId: 'AKIDSTORAGE', secretAccessKey: 'canary-secret/of+the=server' }
export const SERVER_LOGIN = { user: 'anna', password: 'canary-password:of the server' }
export const SERVER_REGION = 'eu-central-1'

/** The title of tests with a real server, and whether they are left out: it was not set up, and no one says that it is required. */
export function titleOf(kind: StorageKind, title: string): { readonly title: string; readonly isLeftOut: boolean } {
  if (existsSync(PROGRAMS[kind]) || process.env.STORAGE_REQUIRED === '1') return { title, isLeftOut: false }
  console.warn(`skipped: ${title}; run test/storage/setup.sh`)
  return { title: `${title} (skipped: run test/storage/setup.sh)`, isLeftOut: true }
}

/** Starts a server, and resolves when it answers. */
export async function startStorageServer(kind: StorageKind): Promise<StorageServer> {
  const program = PROGRAMS[kind]
  if (!existsSync(program)) throw new Error(`Could not start ${kind}: run test/storage/setup.sh first`)
  const folder = await mkdtemp(join(tmpdir(), `${kind}-`))
  const [data, beside] = [join(folder, 'data'), join(folder, 'beside')]
  // versitygw keeps more than a folder for a bucket, so its bucket is made by a request.
  await mkdir(kind === 'versitygw' ? data : join(data, 'videos'), { recursive: true })
  await mkdir(beside)
  const port = await freePort()
  const [command, flags] = commandOf(kind, { program, data, beside, port })
  const server = spawn(command, flags, {
    stdio: ['ignore', 'ignore', 'pipe'],
    // Neither a configuration nor a proxy of the machine has a part in it.
    env: { ...process.env, RCLONE_CONFIG: join(beside, 'rclone.conf'), NO_PROXY: '*', no_proxy: '*' },
  })
  const errors: string[] = []
  server.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text))
  const exit = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  const close = async () => {
    server.kill('SIGKILL')
    await exit
    await rm(folder, { recursive: true, force: true })
  }
  const origin = `http://127.0.0.1:${port}`
  const failed = exit.then(() => Promise.reject(new Error(`Could not start ${kind}:\n${errors.join('')}`)))
  try {
    await Promise.race([untilReady(origin), failed])
    failed.catch(() => undefined) // From here on its end is what the tests want.
  } catch (error) {
    await close()
    throw error
  }
  const files = async () => {
    const entries = await readdir(data, { recursive: true, withFileTypes: true })
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath.slice(data.length), entry.name))
      .sort()
  }
  return { origin, files, close }
}

interface Command {
  readonly program: string
  readonly data: string
  readonly beside: string
  readonly port: number
}

function commandOf(kind: StorageKind, { program, data, beside, port }: Command): readonly [string, string[]] {
  const address = `127.0.0.1:${port}`
  const { accessKeyId, secretAccessKey } = SERVER_KEYS
  const rclone = ['--addr', address, '--cache-dir', beside]
  switch (kind) {
    case 'rclone-s3':
      return [program, ['serve', 's3', ...rclone, '--auth-key', `${accessKeyId},${secretAccessKey}`, data]]
    case 'rclone-webdav': {
      const { user, password } = SERVER_LOGIN
      return [program, ['serve', 'webdav', ...rclone, '--user', user, '--pass', password, data]]
    }
    case 'versitygw': {
      const keys = ['--access', accessKeyId, '--secret', secretAccessKey, '--region', SERVER_REGION]
      return [program, [...keys, '--port', address, '--quiet', 'posix', '--sidecar', beside, data]]
    }
    case 'azurite':
      return [
        process.execPath,
        [program, '--blobPort', String(port), '--silent', '--skipApiVersionCheck', '--inMemoryPersistence'],
      ]
  }
}

// The port takes connections before the server does.
async function untilReady(origin: string): Promise<void> {
  const signal = AbortSignal.timeout(60_000)
  for (;;) {
    const answer = await fetch(origin, { signal }).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer !== undefined) return
    await setTimeout(50, undefined, { signal })
  }
}
