import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OpenDoorbell, Ring } from '../doorbell.js'
import { quoted } from './postgres-migration.js'
import type { Sql } from './postgres-queries.js'

/** What `postgresStore` uses of a client that listens: `new Client()` of `pg` fits, before `connect()`. */
export interface PostgresListenClient {
  connect(): Promise<unknown>
  query(text: string): Promise<unknown>
  on(event: 'notification', listener: (message: { readonly payload?: string | undefined }) => void): unknown
  on(event: 'error' | 'end', listener: () => void): unknown
  end(): Promise<void>
}

// How often new events are searched for without a client that listens.
const SEARCH_MS = 1000
// A transaction may become visible that long after its time.
const OVERLAP_SECONDS = 5
const LONGEST_PAUSE_MS = 10_000

/** The channel of the notifications: a name has at most 63 bytes, as has a schema. */
export function channelOf(schema: string): string {
  return `sora_pipeline_${createHash('md5').update(schema).digest('hex')}`
}

/** Hears of new events by notifications, or by a query a second. */
export function postgresListener({
  sql,
  schema,
  listenClient,
}: {
  readonly sql: Sql
  readonly schema: string
  readonly listenClient: (() => PostgresListenClient) | undefined
}): OpenDoorbell {
  return listenClient === undefined
    ? (ring) => searching(sql, schema, ring)
    : (ring) => listening(listenClient, schema, ring)
}

async function listening(make: () => PostgresListenClient, schema: string, ring: Ring): Promise<() => Promise<void>> {
  const over = new AbortController()
  let client: PostgresListenClient | undefined
  await connect()

  async function connect(): Promise<void> {
    const made = make()
    let isLost = false
    const lose = () => {
      if (isLost) return
      isLost = true
      made.end().catch(ignore)
      if (client === made) reconnect().catch(ignore) // Rejects when it is closed meanwhile.
    }
    made.on('error', lose)
    made.on('end', lose)
    made.on('notification', ({ payload }) => ring(payload))
    try {
      await made.connect()
      await made.query(`LISTEN ${quoted(channelOf(schema))}`)
    } catch (error) {
      isLost = true
      made.end().catch(ignore)
      throw error
    }
    client = made
    if (over.signal.aborted) await made.end()
  }

  async function reconnect(): Promise<void> {
    for (let pauseMs = 100; !over.signal.aborted; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        await connect()
        return ring(undefined)
      } catch {
        await sleep(pauseMs, undefined, { signal: over.signal, ref: false })
      }
    }
  }

  return async () => {
    over.abort()
    await client?.end().catch(ignore)
  }
}

async function searching(sql: Sql, schema: string, ring: Ring): Promise<() => Promise<void>> {
  const search = `
    SELECT run_id, max(sequence)::text AS newest FROM ${quoted(schema)}.events
    WHERE added_at > clock_timestamp() - make_interval(secs => ${OVERLAP_SECONDS}) GROUP BY run_id`
  const over = new AbortController()
  let known: ReadonlyMap<string, string> | undefined
  const look = async () => {
    const rows = await sql(search)
    const found = new Map(rows.map(({ run_id, newest }) => [String(run_id), String(newest)]))
    for (const [id, newest] of found) if (known?.get(id) !== newest) ring(id)
    known = found
  }
  const keepLooking = async () => {
    for (let wasDown = false; ; ) {
      await sleep(SEARCH_MS, undefined, { signal: over.signal, ref: false })
      try {
        await look()
        // The outage may have been longer than the overlap.
        if (wasDown) ring(undefined)
        wasDown = false
      } catch {
        wasDown = true
      }
    }
  }
  await look()
  keepLooking().catch(ignore) // Rejects when it is closed.
  return async () => over.abort()
}

function ignore(): void {}
