import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import { Client } from 'pg'

/** What a server has done and holds so far. */
export interface ServerLoad {
  /** CPU of all its processes, also of those that have ended, in milliseconds; `undefined` where the system has no `/proc`. */
  readonly cpuMs: number | undefined
  /** Commands of Redis with those inside of scripts, or transactions of PostgreSQL. */
  readonly calls: number
  /** Memory that Redis uses, or size of the database. */
  readonly bytes: number
  readonly connections: number
}

/** Reads the load of the server of an address. */
export async function readServerLoad(url: string, pid: number): Promise<ServerLoad> {
  const cpuMs = cpuOf(pid)
  if (url.startsWith('redis:')) {
    const client = new Redis(url)
    const info = await client.info()
    client.disconnect()
    const value = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1])
    const calls = value('total_commands_processed')
    return { cpuMs, calls, bytes: value('used_memory'), connections: value('connected_clients') }
  }
  const client = new Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query(
    `SELECT xact_commit AS calls, pg_database_size(datname) AS bytes, numbackends AS connections
     FROM pg_stat_database WHERE datname = current_database()`,
  )
  await client.end()
  const [{ calls, bytes, connections }] = rows
  return { cpuMs, calls: Number(calls), bytes: Number(bytes), connections: Number(connections) }
}

function cpuOf(pid: number): number | undefined {
  try {
    const ticksASecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
    const children = execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid), '--pid', String(pid)], {
      encoding: 'utf8',
    })
    const ticks = children
      .trim()
      .split(/\s+/)
      .map((each) => ticksOf(each, each === String(pid)))
    return (ticks.reduce((sum, value) => sum + value, 0) * 1000) / ticksASecond
  } catch {
    return undefined
  }
}

// Its `utime` and `stime`, for the server itself with those of the connections that it had (`cutime`, `cstime`). The name of the command
// before them may have blanks.
function ticksOf(pid: string, isServer: boolean): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return fields.slice(11, isServer ? 15 : 13).reduce((sum, ticks) => sum + Number(ticks), 0)
}
