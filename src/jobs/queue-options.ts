import type { BackendFactory, ConnectionOptions, IQueueBackend, PostgresConnectionOptions } from 'bullmq'
import { checkOptions, type OptionRules, optionProblem } from '../contracts/check-options.js'
import { ConfigurationError } from '../contracts/input-errors.js'
import { aFunction, required, rule, ruleOf } from '../contracts/option-rules.js'
import { configOfPipeline, type PipelineConfig } from '../pipeline/pipeline-config.js'
import { coreOfPipeline } from '../pipeline/pipeline-cores.js'
import { connectionProblem, heldConnection } from './queue-connection.js'

/** Where the queue is, and where its errors are reported. */
export interface QueueOptions {
  /**
   * The server of the queue, as BullMQ takes it: for Redis, options such as `{ host, port }` or `{ url }`, or a client of `ioredis`,
   * which needs `maxRetriesPerRequest: null` for a worker; with `backend: createPostgresBackend`, a connection string, options of
   * `pg`, or a `Pool` with at least two connections. Options that its driver would ignore, so that it connects to this machine, are
   * refused.
   */
  readonly connection: ConnectionOptions | PostgresConnectionOptions
  /**
   * The kind of server: `createPostgresBackend` of BullMQ for PostgreSQL.
   * @defaultValue Redis
   */
  readonly backend?: BackendFactory<IQueueBackend, PostgresConnectionOptions> | undefined
  /**
   * Name of the queue: 1 to 100 characters without `:`. Runners and workers of one store use one name; different stores and
   * different chains of generators need different names.
   * @defaultValue `'sora-pipeline'`
   */
  readonly queueName?: string | undefined
  /**
   * Prefix of the keys in Redis, without the name of the queue. With PostgreSQL it has no effect: a `schema` in `connection`
   * separates queues there.
   * @defaultValue `'bull'`, the default of BullMQ
   */
  readonly prefix?: string | undefined
  /**
   * Called with errors that no caller receives: of the connection, and of runs that could not be advanced. Each is an error of the
   * library; its `cause` is the error of the driver. An error that it throws is ignored.
   * @defaultValue the first error is a warning of the process with the code `SORA_PIPELINE_QUEUE_ERROR`; later ones are not
   * reported
   */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** The rules of the options of a queue. */
export const QUEUE_RULES: OptionRules<QueueOptions> = {
  connection: required(
    ruleOf((field, value) =>
      (typeof value === 'object' && value !== null) || (typeof value === 'string' && value !== '')
        ? undefined
        : // It may hold a password.
          { field, value: typeof value, fix: 'give the connection options or the client that BullMQ takes' },
    ),
  ),
  backend: aFunction,
  queueName: rule(
    (value) => typeof value === 'string' && /^[^:]{1,100}$/.test(value),
    'give 1 to 100 characters without :',
  ),
  prefix: rule((value) => typeof value === 'string' && value !== '', 'give a text that is not empty'),
  onError: aFunction,
}

/**
 * Checks the options of a queue, and returns them as they are now, so that later changes by the caller have no effect.
 * @throws ConfigurationError naming every problem.
 */
export function queueOptionsOf<Options extends QueueOptions>(
  subject: string,
  given: Options,
  rules: OptionRules<Options>,
): Options {
  checkOptions(subject, given, rules, (options) => [connectionProblem(options)])
  return { ...given, connection: heldConnection(given.connection) }
}

/**
 * The config of the pipeline of a runner or worker.
 * @throws ConfigurationError for anything else than a `SoraPipeline` with a store.
 */
export function pipelineConfigOf(subject: string, pipeline: unknown): PipelineConfig {
  const core = coreOfPipeline(pipeline)
  const config = configOfPipeline(pipeline)
  if (!core || !config)
    throw new ConfigurationError(subject, [optionProblem('pipeline', pipeline, 'give a SoraPipeline')])
  if (core.store) return config
  const fix = 'give the pipeline a store that all processes reach, such as postgresStore or redisStore'
  throw new ConfigurationError(subject, [{ field: 'store', value: 'missing', fix }])
}
