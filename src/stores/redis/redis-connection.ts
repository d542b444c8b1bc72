import type { IoredisClient, NodeRedisClient, RedisArgument, RedisClient } from './redis-client.js'
import type { RedisScript } from './redis-script.js'

/** A client of any kind. */
export interface RedisConnection {
  /** Runs a script; with `isBinary` texts of the reply are bytes. */
  run(script: RedisScript, keys: readonly string[], args: readonly RedisArgument[], isBinary?: true): Promise<unknown>
  /** Sends a command without keys to each server that holds keys; gives their replies. */
  ask(command: string, ...args: readonly string[]): Promise<readonly unknown[]>
}

// The type of texts in the protocol: `$`.
const TEXTS_AS_BYTES = { 36: Buffer }

const heard = new WeakSet<object>()

/** Whether a value is a client that {@link redisConnection} takes. */
export function isRedisClient(value: unknown): value is RedisClient {
  return typeof Object(value).on === 'function' && (isIoredis(value) || isNodeRedis(value))
}

/**
 * Hears the errors of a client, which connects again: without a listener one of `redis` ends the process. Listeners of the caller still
 * hear them.
 */
export function hearErrors(client: RedisClient): void {
  if (heard.has(client)) return
  heard.add(client)
  client.on('error', () => undefined)
}

/** The connection of a client. A script is sent whole only to a server that does not know it yet. */
export function redisConnection(client: RedisClient): RedisConnection {
  const { evaluate, ask } = isIoredis(client) ? ofIoredis(client) : ofNodeRedis(client)
  return {
    ask,
    async run(script, keys, args, isBinary) {
      try {
        return await evaluate({ sha1: script.sha1 }, keys, args, isBinary)
      } catch (error) {
        if (!String(Object(error).message).startsWith('NOSCRIPT')) throw error
        return await evaluate({ text: script.text }, keys, args, isBinary)
      }
    },
  }
}

type Evaluate = (
  script: { readonly sha1: string } | { readonly text: string },
  keys: readonly string[],
  args: readonly RedisArgument[],
  isBinary: true | undefined,
) => Promise<unknown>
type Adapter = Pick<RedisConnection, 'ask'> & { readonly evaluate: Evaluate }

function ofIoredis(client: IoredisClient): Adapter {
  return {
    evaluate: (script, keys, args, isBinary) => {
      const [command, which] = 'sha1' in script ? ['EVALSHA', script.sha1] : ['EVAL', script.text]
      const all = [which, String(keys.length), ...keys, ...args]
      return isBinary ? client.callBuffer(command, ...all) : client.call(command, ...all)
    },
    ask: (command, ...args) => {
      const { nodes } = client as { nodes?: (role: string) => readonly IoredisClient[] }
      const servers = nodes?.call(client, 'master') ?? [client]
      return Promise.all(servers.map((server) => server.call(command, ...args)))
    },
  }
}

interface CommandSender {
  sendCommand(args: readonly string[]): Promise<unknown>
}

interface NodeRedisCluster {
  readonly masters: readonly unknown[]
  nodeClient(node: unknown): Promise<CommandSender>
}

function ofNodeRedis(client: NodeRedisClient): Adapter {
  const checkOpen = () => {
    if (!client.isOpen) throw new Error('The client is not connected; call connect() of the client first')
  }
  return {
    evaluate: async (script, keys, args, isBinary) => {
      checkOpen()
      const using = isBinary ? client.withTypeMapping(TEXTS_AS_BYTES) : client
      const given = { keys: [...keys], arguments: [...args] }
      return 'sha1' in script ? using.evalSha(script.sha1, given) : using.eval(script.text, given)
    },
    ask: async (command, ...args) => {
      checkOpen()
      const cluster = client as Partial<NodeRedisCluster>
      const servers =
        cluster.masters === undefined
          ? [client as unknown as CommandSender]
          : await Promise.all(cluster.masters.map((node) => (client as unknown as NodeRedisCluster).nodeClient(node)))
      return Promise.all(servers.map((server) => server.sendCommand([command, ...args])))
    },
  }
}

/** Whether a value is a client of `ioredis`. */
export function isIoredis(value: unknown): value is IoredisClient {
  return ['call', 'callBuffer', 'duplicate'].every((method) => typeof Object(value)[method] === 'function')
}

function isNodeRedis(value: unknown): value is NodeRedisClient {
  return ['eval', 'evalSha', 'withTypeMapping', 'duplicate'].every(
    (method) => typeof Object(value)[method] === 'function',
  )
}
