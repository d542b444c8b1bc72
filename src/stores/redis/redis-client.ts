/** An argument of a script. */
export type RedisArgument = string | Buffer

/** What `redisStore` uses of a client of `ioredis` 5 or later: `new Redis()` and `new Cluster()` fit. */
export interface IoredisClient {
  call(command: string, ...args: RedisArgument[]): Promise<unknown>
  callBuffer(command: string, ...args: RedisArgument[]): Promise<unknown>
  /** A client with the same options, for the events of runs. */
  duplicate(): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
}

/** What `redisStore` uses of a client of `redis` 5 or later: `createClient()` and `createCluster()` fit, once they are connected. */
export interface NodeRedisClient {
  readonly isOpen: boolean
  eval(script: string, options: RedisScriptArguments): Promise<unknown>
  evalSha(sha1: string, options: RedisScriptArguments): Promise<unknown>
  withTypeMapping(mapping: Record<number, unknown>): Pick<NodeRedisClient, 'eval' | 'evalSha'>
  /** A client with the same options, for the events of runs. */
  duplicate(): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
}

/** Keys and arguments of a script, as a {@link NodeRedisClient} takes them. */
export interface RedisScriptArguments {
  keys: string[]
  arguments: RedisArgument[]
}

/** A client of `ioredis` or `redis`. */
export type RedisClient = IoredisClient | NodeRedisClient
