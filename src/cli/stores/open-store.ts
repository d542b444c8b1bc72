import { mkdir, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DiagnosableStore, RunStore, ServerProblem } from 'sora-pipeline'
import { fileStore, postgresStore, redisStore, sqliteStore } from 'sora-pipeline/stores'
import { toErrorJson } from '../../contracts/errors.js'
import { CommandError } from '../command-error.js'
import { UsageError } from '../read-arguments.js'
import { postgresPool, redisClient } from './drivers.js'

/** What a store can be, by its address. */
export type StoreKind = 'file' | 'sqlite' | 'postgres' | 'redis'

/** Where a store is. */
export interface StorePlace {
  /** A path, or a URL of Redis or PostgreSQL. */
  readonly address: string
  /** Prefix of the keys in Redis. */
  readonly prefix?: string | undefined
  /** Schema of the tables in PostgreSQL. */
  readonly schema?: string | undefined
}

/** An open store. */
export interface OpenStore {
  readonly kind: StoreKind
  readonly store: RunStore & DiagnosableStore
  /** Creates what is missing, and upgrades what an earlier version made. */
  migrate(): Promise<void>
  /** Settings of the server with which the store cannot keep its promise; empty for files. */
  checkServer(): Promise<readonly ServerProblem[]>
  close(): Promise<void>
}

/** The options of commands that open a store. */
export const STORE_OPTIONS = {
  store: { type: 'string' },
  prefix: { type: 'string' },
  schema: { type: 'string' },
} as const

/** Their lines in `--help`. */
export const STORE_HELP = `  --store    path of a database of sqliteStore, directory of fileStore, or URL: redis://…, rediss://…, postgres://…
             (default: the variable SORA_PIPELINE_STORE)
  --prefix   prefix of the keys in Redis (default: sora-pipeline)
  --schema   schema of the tables in PostgreSQL (default: sora_pipeline)`

/** The variable that gives the store when `--store` does not. */
export const STORE_VARIABLE = 'SORA_PIPELINE_STORE'

/**
 * The kind of store at an address.
 * @throws UsageError for a URL of another scheme.
 */
function kindOfAddress(address: string): 'redis' | 'postgres' | undefined {
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(address)?.[1]?.toLowerCase()
  if (scheme === 'redis' || scheme === 'rediss') return 'redis'
  if (scheme === 'postgres' || scheme === 'postgresql') return 'postgres'
  if (scheme === undefined || scheme === 'file') return undefined
  throw new UsageError([`--store has the scheme ${scheme}; give a path, redis://…, rediss://… or postgres://…`])
}

/**
 * Opens a store.
 * @param canCreate - Whether files may be created; otherwise a path without a store is refused.
 * @throws UsageError when an option does not fit the address. CommandError when there is no store at a path, or the server is not
 * reached.
 */
export async function openStore(place: StorePlace, { canCreate }: { readonly canCreate: boolean }): Promise<OpenStore> {
  const { address, prefix, schema } = place
  const kind = kindOfAddress(address)
  if (prefix !== undefined && kind !== 'redis') throw new UsageError(['--prefix is only for a store in Redis'])
  if (schema !== undefined && kind !== 'postgres') throw new UsageError(['--schema is only for a store in PostgreSQL'])
  if (kind === undefined) return openFiles(address.startsWith('file:') ? fileURLToPath(address) : address, canCreate)
  if (!URL.canParse(address)) throw new UsageError(['--store is not a valid URL'])
  const { client, close } = await connected(kind, address)
  try {
    const store =
      kind === 'redis'
        ? redisStore({ client: client as Parameters<typeof redisStore>[0]['client'], prefix })
        : postgresStore({ pool: client as Parameters<typeof postgresStore>[0]['pool'], schema })
    const { migrate, checkServer } = store
    return { kind, store, migrate, checkServer, close: async () => void (await close()) }
  } catch (error) {
    await close()
    throw error
  }
}

async function connected(kind: 'redis' | 'postgres', address: string) {
  try {
    return await (kind === 'redis' ? redisClient(address) : postgresPool(address))
  } catch (error) {
    if (error instanceof CommandError) throw error
    const { message } = toErrorJson(error)
    throw new CommandError(`Could not open the store: ${kind} is not reached: ${message}`)
  }
}

async function openFiles(path: string, canCreate: boolean): Promise<OpenStore> {
  const found = await whatIsAt(path)
  const isDirectory = found === 'directory' || (found === undefined && path.endsWith('/'))
  if (found === undefined && !canCreate) {
    throw new CommandError(
      `Could not open the store: ${path} does not exist; check --store, or run sora-pipeline migrate`,
    )
  }
  if (found === 'empty' && !canCreate) {
    throw new CommandError(`Could not open the store: ${path} is empty; check --store, or run sora-pipeline migrate`)
  }
  if (found === 'other') {
    throw new CommandError(`Could not open the store: ${path} is not a database of SQLite; check --store`)
  }
  if (found === 'other directory' && !canCreate) {
    throw new CommandError(`Could not open the store: ${path} is not a directory of fileStore; check --store`)
  }
  const shared = { checkServer: async () => [] }
  if (isDirectory || found === 'other directory') {
    const migrate = async () => void (await mkdir(join(path, RUNS_FOLDER), { recursive: true, mode: 0o700 }))
    return { ...shared, kind: 'file', store: fileStore({ directory: path }), migrate, close: async () => {} }
  }
  const store = sqliteStore({ path })
  return {
    ...shared,
    kind: 'sqlite',
    store,
    migrate: async () => void (await store.due(0, 1)),
    close: () => store.close(),
  }
}

// A directory of fileStore has it.
const RUNS_FOLDER = 'runs'
const SQLITE_HEADER = 'SQLite format 3\0'

async function whatIsAt(
  path: string,
): Promise<'directory' | 'other directory' | 'database' | 'empty' | 'other' | undefined> {
  try {
    if ((await stat(path)).isDirectory()) {
      const entries = await readdir(path, { withFileTypes: true })
      const isStore = entries.some((entry) => entry.name === RUNS_FOLDER && !entry.isFile())
      return isStore ? 'directory' : 'other directory'
    }
    const file = await open(path)
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(16), 0, 16, 0)
      return bytesRead === 0 ? 'empty' : buffer.toString('latin1') === SQLITE_HEADER ? 'database' : 'other'
    } finally {
      await file.close()
    }
  } catch (error) {
    if (Object(error).code === 'ENOENT') return undefined
    throw new CommandError(
      `Could not open the store: ${path} cannot be read: ${Object(error).code}; let this user read it`,
    )
  }
}
