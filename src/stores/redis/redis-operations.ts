import { RETAINED_MS } from '../../contracts/retained-run.js'
import type { SlotMethod } from '../../contracts/run-store.js'
import { retainedState } from '../retained-state.js'
import { claimDigest, type ServerOperations } from '../server-store.js'
import type { RunRow, SaveOutcome } from '../store-operations.js'
import { CLAIM, HEARTBEAT, RETIRE } from './claim-scripts.js'
import { DROP_MEDIA, GET_MEDIA, PUT_MEDIA } from './media-scripts.js'
import { DUE, LIST } from './page-scripts.js'
import type { RedisArgument } from './redis-client.js'
import type { RedisConnection } from './redis-connection.js'
import { fieldsOf, scopeOf, sortable, workerKey } from './redis-fields.js'
import { keyOf } from './redis-keys.js'
import { laterVersion, lostKeys, notMigrated } from './redis-migration.js'
import { isOne, optionalText, textOf, textsOf } from './redis-reply.js'
import { REFUSALS, type RedisScript } from './redis-script.js'
import { FORGET, RETAIN, SWEEP } from './retention-scripts.js'
import { CREATE, LOAD, REPORT, RESCHEDULE, SAVE, VERSIONS } from './run-scripts.js'

// What is before the id in a member of `due`, without the worker.
const PLACE_LENGTH = 17

/** Runs a script on the keys of a store. */
export type RunScript = (script: RedisScript, args: readonly RedisArgument[], isBinary?: true) => Promise<unknown>

/** Runs scripts on the keys with a prefix. An error of a script becomes one of the library. */
export function scriptRunner(connection: RedisConnection, prefix: string): RunScript {
  return async (script, args, isBinary) => {
    try {
      const keys = script.keys.map((name) => keyOf(prefix, name))
      return await connection.run(script, keys, args, isBinary)
    } catch (error) {
      throw refusalOf(error, prefix) ?? error
    }
  }
}

/** What Redis does for a store: one script for each operation, except for `prune`, which is one for each step. */
export function redisOperations(run: RunScript): Omit<ServerOperations, SlotMethod> {
  const retain = async (id: string, version: string, state: string, now: number): Promise<number> => {
    const json = retainedState(state)?.json ?? state
    return isOne(await run(RETAIN, [id, version, json, String(now)])) ? 1 : 0
  }

  return {
    create: async (id, columns) => isOne(await run(CREATE, [id, fieldsOf(id, columns), columns.state])),

    async load(id) {
      const reply = await run(LOAD, [id])
      return reply === null ? undefined : rowOf(reply as readonly unknown[])
    },

    save: async (id, version, columns) =>
      outcomeOf(await run(SAVE, [id, String(version), fieldsOf(id, columns), columns.state])),

    reschedule: async (id, version, wakeAt, readings) =>
      outcomeOf(await run(RESCHEDULE, [id, String(version), sortable(wakeAt), `${wakeAt} ${readings}`])),

    async versions(ids) {
      const found = (await run(VERSIONS, [JSON.stringify(ids)])) as readonly unknown[]
      return ids.map((_, index) => {
        const version = optionalText(found[index])
        return version === undefined ? undefined : Number(version)
      })
    },

    async report(worker, entries) {
      if (entries.length === 0) return
      await run(REPORT, [workerKey(worker), JSON.stringify(entries.flatMap(({ id, progress }) => [id, progress]))])
    },

    async due({ before, limit, after, isFree }) {
      const flags = [isFree ? '1' : '0', after ?? '', after === undefined ? '0' : '1']
      const members = textsOf(await run(DUE, [sortable(before), String(limit), ...flags]))
      return inOrder(members)
        .slice(0, limit)
        .map((member) => member.slice(PLACE_LENGTH))
    },

    async list({ owner, order, after, withRemoved, limit }) {
      const flags = [order === 'newest-first' ? '1' : '0', after ?? '', after === undefined ? '0' : '1']
      return textsOf(await run(LIST, [scopeOf(owner, withRemoved), String(limit), ...flags]))
    },

    claim: async (namespace, key, runId) => isOne(await run(CLAIM, [claimDigest(namespace, key), runId])),

    async heartbeat(worker, ttlMs) {
      await run(HEARTBEAT, [workerKey(worker), String(ttlMs)])
    },

    async retire(worker) {
      await run(RETIRE, [workerKey(worker)])
    },

    async putMedia(runId, sha256, bytes) {
      await run(PUT_MEDIA, [runId, sha256, bytes])
    },

    async getMedia(sha256) {
      const bytes = await run(GET_MEDIA, [sha256], true)
      return bytes instanceof Uint8Array ? bytes : undefined
    },

    async dropMedia(runId) {
      await run(DROP_MEDIA, [runId])
    },

    async prune({ endedBefore, now, limit }) {
      const retainedAfter = String(now - RETAINED_MS)
      const reply = await run(FORGET, [String(endedBefore), retainedAfter, String(now), String(limit)])
      const [forgotten = '0', ...rest] = textsOf(reply)
      let count = Number(forgotten)
      for (let index = 0; index < rest.length; index += 3) {
        const [id = '', version = '', state = ''] = rest.slice(index, index + 3)
        count += await retain(id, version, state, now)
      }
      await run(SWEEP, [retainedAfter, String(now), String(RETAINED_MS)])
      return count
    },
  }
}

function rowOf(reply: readonly unknown[]): RunRow {
  const [version, state, schedule, progress, number, ttlMs, beat] = reply.map(optionalText)
  const [wakeAt = ''] = schedule?.split(' ', 1) ?? []
  return {
    version: Number(version),
    // A server that evicts keys may have lost it; then it is a state that is broken.
    state: state ?? '',
    ...(schedule !== undefined && {
      schedule: { wakeAt: Number(wakeAt), readings: schedule.slice(wakeAt.length + 1) },
    }),
    ...(progress !== undefined && { progress }),
    ...(number !== undefined && { beat: { number: Number(number), ttlMs: Number(ttlMs), isExpired: beat !== 'live' } }),
  }
}

function outcomeOf(reply: unknown): SaveOutcome {
  return textOf(reply) as SaveOutcome
}

// In the order of bytes, as the server has it.
function inOrder(members: readonly string[]): readonly string[] {
  const all = members.map((member) => ({ member, bytes: Buffer.from(member) }))
  return all.sort((a, b) => Buffer.compare(a.bytes, b.bytes)).map(({ member }) => member)
}

function refusalOf(error: unknown, prefix: string): Error | undefined {
  const message = String(Object(error).message)
  if (message.startsWith(REFUSALS.notMigrated)) return notMigrated(prefix)
  if (message.startsWith(REFUSALS.later)) return laterVersion(prefix)
  return message.startsWith(REFUSALS.lost) ? lostKeys(prefix) : undefined
}
