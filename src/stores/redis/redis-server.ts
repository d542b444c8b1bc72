import type { ServerProblem } from '../../contracts/diagnosable-store.js'
import { RunStateError } from '../../contracts/run-errors.js'
import type { RedisConnection } from './redis-connection.js'
import { textOf } from './redis-reply.js'

const OLDEST = [6, 2] as const

const UNKNOWN = 'unknown'

/** What a server reports of itself; a field that it does not show is missing. */
export type ServerFacts = ReadonlyMap<string, string>

/** Reads what each server that holds keys reports in INFO. A server that does not let the user read it has no facts. */
export async function serverFacts(connection: RedisConnection): Promise<readonly ServerFacts[]> {
  const replies = await permitted(() => connection.ask('INFO'))
  return replies.map(
    (reply) =>
      new Map(
        [...textOf(reply).matchAll(/^([\w-]+):(.*?)\r?$/gm)].map((match) => [String(match[1]), String(match[2])]),
      ),
  )
}

/** Settings with which what the store confirmed may be lost, of all servers that hold keys. */
export async function serverProblems(connection: RedisConnection): Promise<readonly ServerProblem[]> {
  const servers = await serverFacts(connection)
  // Managed servers forbid CONFIG.
  const fsyncs = await permitted(() => connection.ask('CONFIG', 'GET', 'appendfsync'))
  const problems = servers.flatMap((facts, index) => [
    ...unusable(facts),
    ...wrong('appendonly', { 0: 'no', 1: 'yes' }[facts.get('aof_enabled') ?? ''], 'yes', 'a restart loses every run'),
    ...wrong('appendfsync', fsyncOf(fsyncs[index]), 'always', 'a crash of the machine loses the last second of saves'),
    ...wrong('maxmemory-policy', facts.get('maxmemory_policy'), 'noeviction', 'a full memory loses runs'),
    ...wrong('role', facts.get('role'), 'master', 'a replica takes no writes'),
  ])
  if (servers.length > 0) return distinct(problems)
  return [
    {
      setting: 'INFO',
      value: UNKNOWN,
      fix: 'allow INFO and CONFIG GET to the user, or check appendonly, appendfsync and maxmemory-policy by hand',
    },
  ]
}

/**
 * Refuses servers that the store cannot work with.
 * @throws RunStateError, not retryable.
 */
export function refuseServers(servers: readonly ServerFacts[]): void {
  const problem = servers.flatMap(unusable)[0]
  if (problem === undefined) return
  const reason = `version ${problem.value} of Redis`
  throw new RunStateError(`Could not use the store, the version of Redis is: ${problem.value}; ${problem.fix}`, {
    reason,
  })
}

function unusable(facts: ServerFacts): readonly ServerProblem[] {
  const version = facts.get('redis_version')
  if (version === undefined) return []
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isOld = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])
  return isOld ? [{ setting: 'redis_version', value: version, fix: `use Redis ${OLDEST.join('.')} or later` }] : []
}

function wrong(setting: string, value: string | undefined, right: string, reason: string): readonly ServerProblem[] {
  if (value === right) return []
  return [{ setting, value: value ?? UNKNOWN, fix: `set ${setting} to ${right}: with another value ${reason}` }]
}

// A list of name and value, or a map in a later version of the protocol.
function fsyncOf(reply: unknown): string | undefined {
  if (Array.isArray(reply)) return reply[1] === undefined ? undefined : textOf(reply[1])
  const { appendfsync } = Object(reply)
  return appendfsync === undefined ? undefined : textOf(appendfsync)
}

async function permitted(ask: () => Promise<readonly unknown[]>): Promise<readonly unknown[]> {
  try {
    return await ask()
  } catch (error) {
    const isForbidden = /^(?:NOPERM|ERR unknown command|ERR unknown subcommand)/i.test(String(Object(error).message))
    if (isForbidden) return [] // Its settings are unknown, which is reported.
    throw error
  }
}

function distinct(problems: readonly ServerProblem[]): readonly ServerProblem[] {
  return [...new Map(problems.map((problem) => [`${problem.setting} ${problem.value}`, problem])).values()]
}
