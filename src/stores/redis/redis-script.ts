import { createHash } from 'node:crypto'
import type { KeyName } from './redis-keys.js'

/** Newest version of the layout of the keys, which is in `meta`. */
export const LAYOUT_VERSION = 1

/** What a script replies with when the keys are missing or of another version. */
export const REFUSALS = { notMigrated: 'SORANOTMIGRATED', later: 'SORALATER', lost: 'SORALOST' } as const

/** A script of the store; it has its keys in local variables of their names. */
export interface RedisScript {
  readonly keys: readonly KeyName[]
  readonly text: string
  readonly sha1: string
}

// Each operation: an empty server, such as one after a failover, must not look like a store without runs.
const CHECK = `
local layout = redis.call('HMGET', meta, 'version', 'least')
if not layout[1] or tonumber(layout[1]) < ${LAYOUT_VERSION} then
  return redis.error_reply('${REFUSALS.notMigrated} the keys are missing or of an earlier version')
end
if tonumber(layout[2]) > ${LAYOUT_VERSION} then
  return redis.error_reply('${REFUSALS.later} ' .. layout[1])
end
`

/** Makes a script that checks the layout first. Everything that may fail has to come before the first write: nothing is taken back. */
export function redisScript(keys: readonly KeyName[], ...parts: readonly string[]): RedisScript {
  return uncheckedScript(keys, CHECK, ...parts)
}

/** Makes a script that runs whatever the layout is. */
export function uncheckedScript(others: readonly KeyName[], ...parts: readonly string[]): RedisScript {
  const keys: readonly KeyName[] = ['meta', ...others]
  const locals = keys.map((name, index) => `local ${name} = KEYS[${index + 1}]`)
  const text = [...locals, ...parts].join('\n')
  return { keys, text, sha1: createHash('sha1').update(text).digest('hex') }
}

/** Lua: `nowMs()`, the clock of the server in epoch milliseconds, and `isLive(worker)`, whether its beat has not expired. */
export const CLOCK = `
local function nowMs()
  local time = redis.call('TIME')
  return time[1] * 1000 + time[2] / 1000
end
local function isLive(worker, now)
  local beat = redis.call('HGET', beats, worker)
  return beat and tonumber(string.match(beat, '[^ ]+$')) > now
end
`
