import {
  createPostgresBackend,
  createRedisBackend,
  getDefaultBackendFactory,
  isIRedisClient,
  isRedisInstance,
  RedisConnection,
} from 'bullmq'
import type { InputProblem } from '../contracts/input-errors.js'
import { editsBetween } from '../contracts/nearest-name.js'

type Fields = Readonly<Record<string, unknown>>

/** Where a queue is, as its caller gives it. */
export interface PlaceOptions {
  readonly connection: unknown
  readonly backend?: unknown
}

/** What a kind of server takes as options. */
interface Family {
  /** Names of its options, from its driver and BullMQ. */
  readonly names: ReadonlySet<string>
  /** Names that locate the server; without any, a driver connects to this machine. */
  readonly places: readonly string[]
  readonly fix: string
  /** Other names of its options, as people and other drivers write them. */
  readonly aliases: ReadonlyMap<string, string>
  /** The fix of options of the other kind of server. */
  readonly otherFix: string
}

const ADD_BACKEND = 'add backend: createPostgresBackend for PostgreSQL'
const words = (...lines: readonly string[]) => new Set(lines.flatMap((line) => line.split(' ')))

const REDIS: Family = {
  names: words(
    'url skipVersionCheck host port family path tls username password db',
    'Connector retryStrategy commandTimeout blockingTimeout blockingTimeoutGrace socketTimeout keepAlive noDelay',
    'connectionName disableClientInfo clientInfoTag autoResubscribe autoResendUnfulfilledCommands reconnectOnError',
    'readOnly stringNumbers protocol replyMapping connectTimeout disconnectTimeout monitor maxRetriesPerRequest',
    'maxLoadingRetryTime enableAutoPipelining autoPipeliningIgnoredCommands offlineQueue commandQueue',
    'enableOfflineQueue enableReadyCheck lazyConnect scripts himportFieldsets keyPrefix showFriendlyErrorStack',
    'sentinels name role sentinelUsername sentinelPassword sentinelRetryStrategy sentinelReconnectStrategy',
    'sentinelCommandTimeout sentinelMaxConnections sentinelTLS enableTLSForSentinelMode preferredSlaves natMap',
    'updateSentinels failoverDetector',
  ),
  places: ['url', 'host', 'path', 'sentinels', 'Connector'],
  fix: "give { url: 'redis://…' }, { host, port }, or a client of ioredis",
  aliases: new Map([
    ...['hostname', 'server', 'address', 'socket'].map((name) => [name, 'host'] as const),
    ...(['uri', 'redisUrl', 'connectionUrl'] as const).map((name) => [name, 'url'] as const),
    ...([
      ['user', 'username'],
      ['database', 'db'],
      ['ssl', 'tls'],
    ] as const),
  ]),
  otherFix: ADD_BACKEND,
}
const POSTGRES: Family = {
  names: words(
    'connectionString host port database user password ssl sslnegotiation enableChannelBinding options stream types',
    'schema migrate skipMigrations skipVersionCheck max min idleTimeoutMillis connectionTimeoutMillis keepAlive',
    'keepAliveInitialDelayMillis statement_timeout query_timeout lock_timeout idle_in_transaction_session_timeout',
    'application_name fallback_application_name client_encoding binary replication pipeline parseInputDatesAsUTC',
    'log Promise Client allowExitOnIdle maxUses maxLifetimeSeconds onConnect verify sslmode',
  ),
  places: ['connectionString', 'host'],
  fix: 'give a connection string, { connectionString }, { host, port, database, user, password }, or a Pool of pg',
  aliases: new Map([
    ...['hostname', 'server', 'address'].map((name) => [name, 'host'] as const),
    ...['url', 'uri', 'databaseUrl', 'connectionUrl'].map((name) => [name, 'connectionString'] as const),
    ...([
      ['username', 'user'],
      ['db', 'database'],
      ['dbname', 'database'],
      ['tls', 'ssl'],
    ] as const),
  ]),
  otherFix: 'leave out backend for Redis',
}

/**
 * The problem of a connection that BullMQ would take for that of a server on this machine, or that its driver cannot use; `undefined`
 * for a suitable one. It never contains a value, which may be a password.
 */
export function connectionProblem({ connection, backend }: PlaceOptions): InputProblem | undefined {
  const factory: unknown = backend ?? getDefaultBackendFactory()
  const isNamed = (name: string) => typeof factory === 'function' && factory.name === name
  if (factory === createPostgresBackend || isNamed('createPostgresBackend')) return postgresProblem(connection)
  const isRedis = factory === createRedisBackend || isNamed('createRedisBackend')
  // A factory of the application takes options of its own.
  return isRedis && RedisConnection.clientFactory === undefined ? redisProblem(connection) : undefined
}

/** Options of a connection as they are now; a client unchanged. */
export function heldConnection<Connection>(connection: Connection): Connection {
  return typeof connection === 'string' || isClient(connection) ? connection : { ...connection }
}

function redisProblem(connection: unknown): InputProblem | undefined {
  const field = 'connection'
  if (typeof connection === 'string') {
    return { field, value: 'a text', fix: `${REDIS.fix}; ${ADD_BACKEND}` }
  }
  if (isPostgresClient(connection)) return { field, value: 'a client of pg', fix: ADD_BACKEND }
  if (isClient(connection)) {
    return isKnownClient(connection) ? undefined : { field, value: 'a client that BullMQ cannot use', fix: REDIS.fix }
  }
  // BullMQ reads its own fields only, such as none of a URL object.
  const given = { ...(connection as Fields) }
  return nameProblem(given, REDIS, POSTGRES) ?? redisUrlProblem(given.url) ?? placeProblem(given, REDIS)
}

function postgresProblem(connection: unknown): InputProblem | undefined {
  const field = 'connection'
  if (typeof connection === 'string') return connectionStringProblem(field, connection)
  if (isPostgresClient(connection)) {
    // A client of pg has the methods of a pool as well.
    const isPool = typeof connection.escapeLiteral !== 'function'
    return isPool ? undefined : { field, value: 'a single client of pg', fix: 'give a Pool of pg' }
  }
  if (isClient(connection)) return { field, value: 'a client of Redis', fix: `${POSTGRES.otherFix}; ${POSTGRES.fix}` }
  const given = { ...(connection as Fields) }
  const found =
    nameProblem(given, POSTGRES, REDIS) ??
    (isGiven(given.connectionString)
      ? connectionStringProblem('connection.connectionString', given.connectionString)
      : undefined)
  // Without a place, `pg` reads the environment.
  return found ?? placeProblem(given, POSTGRES)
}

// Options that the driver would ignore, and then connect elsewhere.
function nameProblem(given: Fields, family: Family, other: Family): InputProblem | undefined {
  const unknown = Object.keys(given).filter((name) => given[name] !== undefined && !family.names.has(name))
  for (const name of unknown) {
    const field = `connection.${name}`
    const alias = family.aliases.get(name)
    if (other.names.has(name)) {
      const fix = alias === undefined ? family.otherFix : `give ${alias} instead, or ${family.otherFix}`
      return { field, value: 'unknown', fix }
    }
    const meant = alias ?? nearOf(name, family.names)
    if (meant !== undefined) return { field, value: 'unknown', fix: `did you mean ${meant}?` }
  }
  return undefined
}

function placeProblem(given: Fields, family: Family): InputProblem | undefined {
  const { host, port } = given
  if (isGiven(host) && (typeof host !== 'string' || host.includes('://'))) {
    return {
      field: 'connection.host',
      value: 'not the name of a host',
      fix: `give a name or an address; ${family.fix}`,
    }
  }
  if (port !== undefined && port !== null && !/^\d{1,5}$/.test(String(port))) {
    return { field: 'connection.port', value: 'not a port', fix: 'give a number from 1 to 65535' }
  }
  if (family.places.some((name) => isGiven(given[name]))) return undefined
  const empty = family.places.find((name) => Object.hasOwn(given, name))
  if (empty !== undefined) return { field: `connection.${empty}`, value: 'nothing', fix: family.fix }
  const isKnown = Object.keys(given).some((name) => given[name] !== undefined && family.names.has(name))
  return isKnown
    ? undefined
    : { field: 'connection', value: 'an object without the place of a server', fix: family.fix }
}

function redisUrlProblem(url: unknown): InputProblem | undefined {
  if (!isGiven(url)) return undefined
  // Without a scheme it is a host with a port, or the path of a socket.
  const isRight = typeof url === 'string' && (/^rediss?:\/\/[^/]/i.test(url) ? URL.canParse(url) : !url.includes('://'))
  const fix = "give 'redis://{user}:{password}@{host}:{port}' as text, with the password percent-encoded"
  return isRight ? undefined : { field: 'connection.url', value: 'not a URL of Redis', fix }
}

function connectionStringProblem(field: string, text: unknown): InputProblem | undefined {
  const isForeign = typeof text !== 'string' || /^(?:https?|rediss?|wss?|mysql|mongodb|amqps?|file)\b[^@]*:/i.test(text)
  const fix = "give 'postgres://{user}:{password}@{host}:{port}/{database}'"
  return isForeign ? { field, value: 'not a connection string of PostgreSQL', fix } : undefined
}

/** The known name that is a letter or two away. */
function nearOf(given: string, known: ReadonlySet<string>): string | undefined {
  const most = given.length < 3 ? 0 : Math.max(1, Math.floor(given.length / 4))
  return [...known].find((name) => editsBetween(given.toLowerCase(), name.toLowerCase()) <= most)
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== ''
}

function isClient(value: unknown): value is Fields {
  const { connect, disconnect, duplicate, end, close, send } = Object(value) as Fields
  return (
    typeof connect === 'function' && [disconnect, duplicate, end, close, send].some((one) => typeof one === 'function')
  )
}

function isPostgresClient(value: unknown): value is Fields {
  const { connect, query, end } = Object(value) as Fields
  return [connect, query, end].every((method) => typeof method === 'function')
}

// As BullMQ recognises the clients of ioredis, of node-redis and of Bun.
function isKnownClient(client: Fields): boolean {
  const isInstance: boolean = isRedisInstance(client)
  if (!isInstance) return false
  // BullMQ cannot use a cluster of node-redis, which has `slots`.
  const isNode = typeof client.sendCommand === 'function' && 'isReady' in client && !('slots' in client)
  const isBun = typeof client.send === 'function' && 'connected' in client
  return isIRedisClient(client) || typeof client.defineCommand === 'function' || isNode || isBun
}
