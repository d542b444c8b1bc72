export type { DiagnosableStore, ServerProblem, StoreDurability } from '../contracts/diagnosable-store.js'
export type { RunStore } from '../contracts/run-store.js'
export { type FileStoreOptions, fileStore } from './files/file-store.js'
export type { PostgresListenClient } from './postgres/postgres-listener.js'
export type { PostgresConnection, PostgresPool, PostgresResult } from './postgres/postgres-pool.js'
export { type PostgresStore, type PostgresStoreOptions, postgresStore } from './postgres/postgres-store.js'
export type {
  IoredisClient,
  NodeRedisClient,
  RedisArgument,
  RedisClient,
  RedisScriptArguments,
} from './redis/redis-client.js'
export { type RedisStore, type RedisStoreOptions, redisStore } from './redis/redis-store.js'
export { type SqliteStore, type SqliteStoreOptions, sqliteStore } from './sqlite/sqlite-store.js'
