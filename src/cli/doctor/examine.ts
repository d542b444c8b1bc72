import { type PipelineDiagnosis, type RunStore, storedRuns } from 'sora-pipeline'
import { pipelineFromSettings, settingsFromEnv } from 'sora-pipeline/settings'
import type { ServerProblem } from 'sora-pipeline/stores'
import { toErrorJson } from '../../contracts/errors.js'
import type { CommandContext } from '../command.js'
import { type Configuration, loadConfig, pipelineOf } from '../config/load-config.js'
import { UsageError } from '../read-arguments.js'
import { type OpenStore, openStore, STORE_VARIABLE, type StorePlace } from '../stores/open-store.js'
import { promisesOf } from './promises.js'
import type { DoctorReport, StoreReport } from './report.js'
import { servicesOf } from './services.js'

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
  const own = configuration?.store
  const place = await placeOf({ values, env, own, isPipeline: configuration?.kind === 'pipeline' }, problems)
  try {
    const diagnosis = await diagnosisOf(configuration, place.open?.store, problems)
    const store = await storeOf(place, diagnosis, problems)
    const settings = store.isReached ? await settingsOf(place, problems) : []
    const services = diagnosis === undefined ? [] : await servicesOf(diagnosis)
    for (const { url, strategy, error, outcome } of services) {
      if (outcome === 'failed') problems.push(`${strategy}${url === undefined ? '' : ` at ${url}`}: ${error}`)
    }
    return {
      configuration: {
        source: values.config ?? 'the environment',
        values: { ...valuesOf(configuration), ...(diagnosis && { deadlines: diagnosis.deadlines }) },
      },
      store,
      services,
      promises: promisesOf(store.kind, { settings, isServer: typeof Object(own).checkServer === 'function' }),
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
    const { settings, secrets } = settingsFromEnv(env)
    return { kind: 'settings', settings, secrets, store: undefined }
  } catch (error) {
    problems.push(toErrorJson(error).message)
    return undefined
  }
}

interface Place {
  readonly kind: StoreReport['kind']
  readonly open?: OpenStore
  /** The store of the configuration. */
  readonly own?: RunStore | undefined
  readonly error?: string
}

interface PlaceSource {
  readonly values: DoctorValues
  readonly env: Env
  readonly own: RunStore | undefined
  readonly isPipeline: boolean
}

async function placeOf({ values, env, own, isPipeline }: PlaceSource, problems: string[]): Promise<Place> {
  if (own !== undefined && values.store !== undefined) {
    throw new UsageError(['--store is given, and --config has a store'])
  }
  const address = own === undefined ? (values.store ?? env[STORE_VARIABLE]) : undefined
  if (address === undefined) return { kind: own !== undefined || isPipeline ? 'custom' : 'memory', own }
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
  const { kind, open, own, error } = place
  if (error !== undefined) return { kind, isReached: false, error }
  if (kind === 'memory') {
    problems.push('runs end with the process: no store is configured')
    return { kind, isReached: true }
  }
  const store = open?.store ?? own
  const startedAt = performance.now()
  try {
    if (store !== undefined) await storedRuns(store).list({ limit: 1 })
    else if (diagnosis?.store.error) throw new Error(diagnosis.store.error.message)
    const durationMs = store === undefined ? diagnosis?.store.durationMs : Math.round(performance.now() - startedAt)
    return { kind, isReached: true, ...(durationMs !== undefined && { durationMs }) }
  } catch (thrown) {
    const { message } = toErrorJson(thrown)
    problems.push(message)
    return { kind, isReached: false, error: message }
  }
}

async function settingsOf({ open, own }: Place, problems: string[]): Promise<readonly ServerProblem[]> {
  const checkServer = open?.checkServer ?? (own as Partial<OpenStore> | undefined)?.checkServer
  try {
    const settings = (await checkServer?.()) ?? []
    problems.push(...settings.map(({ setting, value, fix }) => `${setting} of the store is ${value}: ${fix}`))
    return settings
  } catch (error) {
    problems.push(toErrorJson(error).message)
    return []
  }
}

function valuesOf(configuration: Configuration | undefined): Readonly<Record<string, unknown>> {
  if (configuration?.kind !== 'settings') return {}
  const { settings, secrets } = configuration
  const credentials = Object.fromEntries(
    Object.entries(secrets).map(([name, value]) => [name, value === undefined || value === '' ? 'not set' : 'set']),
  )
  return { ...settings, credentials }
}
