import {
  type DiagnosableStore,
  type PipelineDiagnosis,
  type RunStore,
  type ServerProblem,
  type StoreDurability,
  storedRuns,
} from 'sora-pipeline'
import { jsonBinSettings, pipelineFromSettings, settingsFromEnv } from 'sora-pipeline/settings'
import { durabilityOf } from '../../contracts/diagnosable-store.js'
import { toErrorJson } from '../../contracts/errors.js'
import type { CommandContext } from '../command.js'
import { type Configuration, loadConfig, pipelineOf } from '../config/load-config.js'
import { UsageError } from '../read-arguments.js'
import { type OpenStore, openStore, STORE_VARIABLE, type StorePlace } from '../stores/open-store.js'
import { promiseOfSettings, promisesOf } from './promises.js'
import type { DoctorReport, StoreReport } from './report.js'
import { servicesOf } from './services.js'
import { pulledSettings, valuesOfSettings } from './settings-store.js'

/** The options of `doctor`. */
export interface DoctorValues extends Partial<StorePlace> {
  readonly config?: string | undefined
  readonly env?: boolean | undefined
  readonly store?: string | undefined
}

/**
 * Checks what is configured. A problem is part of the report, and does not reject.
 * @throws UsageError when the options exclude each other. CommandError when the file of `--config` cannot be loaded.
 */
export async function examine(values: DoctorValues, { env }: CommandContext): Promise<DoctorReport> {
  if (values.config !== undefined && values.env) throw new UsageError(['give one of --config and --env'])
  const problems: string[] = []
  const configuration = await configurationOf(values, env, problems)
  const live = configuration?.kind === 'settings' ? await pulledSettings(configuration.settings, problems) : undefined
  const place = await placeOf({ values, env, own: configuration?.store }, problems)
  try {
    const diagnosis = await diagnosisOf(configuration, place.open?.store, problems)
    const store = await storeOf(place, diagnosis, problems)
    const settings = store.isReached ? await settingsOf(place, diagnosis, problems) : undefined
    const services = diagnosis === undefined ? [] : await servicesOf(diagnosis)
    for (const { url, strategy, error, outcome } of services) {
      if (outcome === 'failed') problems.push(`${strategy}${url === undefined ? '' : ` at ${url}`}: ${error}`)
    }
    return {
      configuration: {
        source: values.config ?? 'the environment',
        values: { ...valuesOf(configuration), ...(diagnosis && { deadlines: diagnosis.deadlines }) },
      },
      ...(live && { settingsStore: live }),
      store,
      services,
      promises: [
        ...promisesOf(store.kind, { settings, durability: store.durability }).map((promise) =>
          store.isReached ? promise : { ...promise, holds: 'unknown' as const, note: 'the store was not reached' },
        ),
        ...(live?.kind === 'jsonbin' ? [promiseOfSettings(live)] : []),
      ],
      problems,
    }
  } finally {
    await place.open?.close()
  }
}

type Env = CommandContext['env']

async function configurationOf(
  { config }: DoctorValues,
  env: Env,
  problems: string[],
): Promise<Configuration | undefined> {
  if (config !== undefined) return loadConfig(config)
  try {
    const { settings, secrets, jsonBin } = settingsFromEnv(env)
    // The checks send credentials: only to hosts that the variables name.
    const live = jsonBin && jsonBinSettings({ ...jsonBin, initial: settings, secrets, allowedHosts: [] })
    return { kind: 'settings', settings: live ?? settings, secrets, store: undefined }
  } catch (error) {
    problems.push(toErrorJson(error).message)
    return undefined
  }
}

interface Place {
  /** Of a store with an address. */
  readonly kind?: StoreReport['kind']
  readonly open?: OpenStore
  /** The store of the configuration. */
  readonly own?: (RunStore & DiagnosableStore) | undefined
  readonly error?: string
}

interface PlaceSource {
  readonly values: DoctorValues
  readonly env: Env
  readonly own: RunStore | undefined
}

async function placeOf({ values, env, own }: PlaceSource, problems: string[]): Promise<Place> {
  if (own !== undefined && values.store !== undefined) {
    throw new UsageError(['--store is given, and --config has a store; leave --store out'])
  }
  const address = own === undefined ? (values.store ?? env[STORE_VARIABLE]) : undefined
  if (address === undefined) return { own }
  const { prefix, schema } = values
  try {
    const open = await openStore({ address, prefix, schema }, { canCreate: false })
    return { kind: open.kind, open }
  } catch (error) {
    if (error instanceof UsageError) throw error
    const { message } = toErrorJson(error)
    problems.push(message)
    return { kind: 'custom', error: message }
  }
}

async function diagnosisOf(
  configuration: Configuration | undefined,
  store: RunStore | undefined,
  problems: string[],
): Promise<PipelineDiagnosis | undefined> {
  if (configuration === undefined) return undefined
  try {
    if (configuration.kind === 'settings') {
      const { settings, secrets } = configuration
      problems.push(...pipelineFromSettings(settings, secrets).warnings.map(({ message }) => message))
    }
    const pipeline = pipelineOf(configuration, store)
    const diagnosis = await pipeline.diagnose()
    await pipeline.close()
    return diagnosis
  } catch (error) {
    problems.push(toErrorJson(error).message)
    return undefined
  }
}

async function storeOf(
  place: Place,
  diagnosis: PipelineDiagnosis | undefined,
  problems: string[],
): Promise<StoreReport> {
  const { open, own, error } = place
  const store = open?.store ?? own
  const durability = store === undefined ? diagnosis?.store.durability : durabilityOf(store)
  const kind = place.kind ?? kindOf(durability, store ?? diagnosis)
  const known = { kind, ...(durability && { durability }) }
  if (error !== undefined) return { ...known, isReached: false, error }
  if (kind === 'memory') {
    problems.push('runs end with the process: no store is configured, or memoryStore()')
    return { ...known, isReached: true }
  }
  const startedAt = performance.now()
  try {
    if (store !== undefined) await storedRuns(store).list({ limit: 1 })
    else if (diagnosis?.store.error) throw new Error(diagnosis.store.error.message)
    const durationMs = store === undefined ? diagnosis?.store.durationMs : Math.round(performance.now() - startedAt)
    const waiting = store === undefined ? undefined : await runsInReview(store)
    return {
      ...known,
      isReached: true,
      ...(durationMs !== undefined && { durationMs }),
      ...(waiting !== undefined && { runsInReview: waiting }),
    }
  } catch (thrown) {
    const { message } = toErrorJson(thrown)
    problems.push(message)
    return { ...known, isReached: false, error: message }
  }
}

async function runsInReview(store: RunStore): Promise<number> {
  const newest = await storedRuns(store).list({ limit: 1000 })
  return newest.filter(({ status }) => status === 'needs-review').length
}

const BUILT_IN = ['memory', 'file', 'sqlite', 'redis', 'postgres'] as const

// Without a store and a pipeline, runs would be in memory.
function kindOf(durability: StoreDurability | undefined, found: unknown): StoreReport['kind'] {
  if (found === undefined) return 'memory'
  return BUILT_IN.find((kind) => kind === durability?.kind) ?? 'custom'
}

async function settingsOf(
  { open, own }: Place,
  diagnosis: PipelineDiagnosis | undefined,
  problems: string[],
): Promise<readonly ServerProblem[] | undefined> {
  try {
    const checked = diagnosis?.store.outcome === 'ok' ? diagnosis.store.serverProblems : undefined
    const settings = checked ?? (await (open ?? own)?.checkServer?.()) ?? []
    problems.push(...settings.map(({ setting, value, fix }) => `${setting} of the store is ${value}: ${fix}`))
    return settings
  } catch (error) {
    problems.push(toErrorJson(error).message)
    return undefined
  }
}

function valuesOf(configuration: Configuration | undefined): Readonly<Record<string, unknown>> {
  if (configuration?.kind !== 'settings') return {}
  const { settings, secrets } = configuration
  const credentials = Object.fromEntries(
    Object.entries(secrets).map(([name, value]) => [name, value === undefined || value === '' ? 'not set' : 'set']),
  )
  return { ...valuesOfSettings(settings), credentials }
}
