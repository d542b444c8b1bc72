import { type RunStore, type SoraPipeline, type StoredRuns, storedRuns } from 'sora-pipeline'
import { isSoraPipelineError } from '../../contracts/errors.js'
import { redact } from '../../contracts/secrets/redact.js'
import type { CommandContext } from '../command.js'
import { CONFIG_OPTION, loadConfig, pipelineOf } from '../config/load-config.js'
import { shellOption } from '../printable.js'
import { UsageError } from '../read-arguments.js'
import { openStore, STORE_OPTIONS, STORE_VARIABLE } from '../stores/open-store.js'

/** The options of every command about runs. */
export const RUNS_OPTIONS = { ...STORE_OPTIONS, ...CONFIG_OPTION, json: { type: 'boolean', default: false } } as const

/** The values of {@link RUNS_OPTIONS}. */
export interface RunsValues {
  readonly store?: string | undefined
  readonly prefix?: string | undefined
  readonly schema?: string | undefined
  readonly config?: string | undefined
  readonly json: boolean
}

/** A run that the store knows, also a removed one. */
export interface KnownRun {
  readonly owner?: string | undefined
  readonly isRemoved?: boolean | undefined
  /** Whether only its id is known. */
  readonly isUnreadable?: boolean | undefined
}

/** The runs that a command works on. */
export interface OpenRuns {
  readonly runs: Pick<StoredRuns, 'list' | 'inspect' | 'prune' | 'erase' | 'remove'>
  /** The pipeline of `--config`. */
  readonly pipeline: SoraPipeline | undefined
  /** Searches for a run that is not listed; `undefined` for one that the store does not know. */
  find(id: string): Promise<KnownRun | undefined>
  /** Saves a verdict without a pipeline. */
  readonly settleStored: StoredRuns['settle'] | undefined
  /** The options that name the store, for a further command; never with a password. */
  readonly flags: readonly string[]
  /** A condition of {@link OpenRuns.flags}, such as a variable that must be set. */
  readonly condition: string | undefined
  close(): Promise<void>
}

/**
 * Opens the runs of `--config`, of `--store` or of the variable.
 * @throws UsageError when none or several are given, or a value is invalid. CommandError when the store is not there.
 */
export async function openRuns(values: RunsValues, { env }: CommandContext): Promise<OpenRuns> {
  const configuration = values.config === undefined ? undefined : await loadConfig(values.config)
  const hasStore = configuration?.kind === 'pipeline' || configuration?.store !== undefined
  if (hasStore && values.store !== undefined)
    throw new UsageError(['--store is given, and --config has a store; leave --store out'])
  const address = hasStore ? undefined : (values.store ?? env[STORE_VARIABLE])
  if (address === undefined && !hasStore) {
    throw new UsageError([`--store is missing; give a path or a URL, or set ${STORE_VARIABLE}`])
  }
  const { prefix, schema } = values
  const open = address === undefined ? undefined : await openStore({ address, prefix, schema }, { canCreate: false })
  const pipeline = configuration && pipelineOf(configuration, open?.store)
  const stored = pipeline === undefined && open !== undefined ? storedRuns(open.store) : undefined
  const runs = (pipeline ?? stored) as OpenRuns['runs']
  const store = open?.store ?? configuration?.store
  return {
    runs,
    find: (id) => (store === undefined ? foundIn(runs, id) : foundInStore(store, id)),
    pipeline,
    settleStored: stored?.settle,
    ...printedPlace(values),
    close: async () => {
      await pipeline?.close()
      await open?.close()
    },
  }
}

async function foundInStore(store: RunStore, id: string): Promise<KnownRun | undefined> {
  try {
    const loaded = await store.load(id)
    return loaded && { owner: loaded.state.owner, isRemoved: loaded.state.removedAt !== undefined }
  } catch (error) {
    if (isSoraPipelineError(error) && !error.isRetryable) return { isUnreadable: true }
    throw error
  }
}

// A pipeline does not show removed runs, but lists the runs before and after one.
async function foundIn(runs: OpenRuns['runs'], id: string): Promise<KnownRun | undefined> {
  const run = await runs.inspect(id)
  if (run !== undefined) return { owner: run.owner }
  for (const order of ['newest-first', 'oldest-first'] as const) {
    if ((await runs.list({ order, after: id, limit: 1 })).length > 0) return { isRemoved: true, isUnreadable: true }
  }
  return undefined
}

function printedPlace(values: RunsValues): Pick<OpenRuns, 'flags' | 'condition'> {
  const { store, prefix, schema, config } = values
  const isSecret = store !== undefined && redact(store) !== store
  const named = { config, store: isSecret ? undefined : store, prefix, schema }
  const flags = Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : shellOption(name, value)))
  const condition = isSecret ? `set ${STORE_VARIABLE} to the URL with its password first` : undefined
  return { flags, condition }
}
