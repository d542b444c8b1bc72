import { checkOptions, type OptionRules } from '../contracts/check-options.js'
import type { Generator } from '../contracts/generator.js'
import type { VideoRequest } from '../contracts/request.js'
import type { PipelineResult } from '../contracts/result.js'
import { engineParts } from '../pipeline/engine-parts.js'
import { keepEngine } from '../pipeline/load-engine.js'
import type { SoraPipelineOptions } from '../pipeline/options.js'
import { PIPELINE_RULES } from '../pipeline/options.js'
import type { PipelineRun } from '../pipeline/pipeline-run.js'
import type { RunOptions } from '../pipeline/run-options.js'
import { SoraPipeline } from '../pipeline/sora-pipeline.js'
import { memoryStore } from '../stores/memory-store.js'
import { aFetch } from '../strategies/option-rules.js'
import { isRecord } from '../upstream/is-record.js'
import type { Fetch } from '../upstream/outgoing-request.js'
import { maskOf } from '../upstream/secret.js'
import { checkSettings } from './check-settings.js'
import type { LiveSettings, Settings, SettingsFragment } from './settings.js'
import { buildChain } from './settings-chain.js'
import { checkSettingsSecrets, type SettingsSecrets, secretValues } from './settings-secrets.js'
import type { SettingsWarning } from './settings-warning.js'

/** Options of `pipelineFromSettings`: those of a `SoraPipeline` except its strategies. */
export interface SettingsPipelineOptions
  extends Omit<SoraPipelineOptions, 'generator' | 'publisher' | 'resolver' | 'uploader'> {
  /**
   * Replaces the generator of the settings: one of another kind, a chain, or a fake in a test.
   * @defaultValue that of the settings
   */
  readonly generator?: Generator | undefined
  /**
   * Passed to every strategy, and called instead of the platform's `fetch`, with the address as a string.
   * @defaultValue `globalThis.fetch`
   */
  readonly fetch?: Fetch | undefined
}

/**
 * Runs as a `SoraPipeline` does, each with the settings at its start. If those are invalid, the call throws a
 * `ConfigurationError`, and nothing is sent.
 */
export interface SettingsPipeline {
  /** The settings of the next run. */
  readonly settings: Settings
  /** Features that are switched on but omitted in the next run, because an address or a credential is missing. */
  readonly warnings: readonly SettingsWarning[]
  /** The pipeline of the current settings, for `list`, `retry`, `close` and everything else; a change makes a new one. */
  readonly pipeline: SoraPipeline
  /**
   * Like `run` of a `SoraPipeline`. A run in progress keeps the settings of its start, also when it is joined by its
   * id.
   * @throws InvalidRequestError as the pipeline does.
   */
  run(request: VideoRequest, options?: RunOptions): PipelineRun
  /** Like `resume` of a `SoraPipeline`; a run without a live process continues with the current settings. */
  resume(id: string, options?: Pick<RunOptions, 'signal'>): PipelineRun
  /** Runs and waits: short for `run(request, options).result`. */
  generate(request: VideoRequest, options?: RunOptions): Promise<PipelineResult>
}

const {
  publisher: _publisher,
  resolver: _resolver,
  uploader: _uploader,
  generator: aGenerator,
  ...SHARED
} = PIPELINE_RULES
const RULES: OptionRules<SettingsPipelineOptions> = {
  ...SHARED,
  generator: { problems: aGenerator.problems },
  fetch: aFetch,
}

// The same as in the pipeline.
const UPLOAD_MS = 900_000

/**
 * Creates a pipeline whose chain is built from settings, and rebuilt whenever they change, so that a change takes
 * effect on the next run:
 *
 * - watermark-free mode off: no publishing and no resolving. `third_party`: publish, then the mirrors in order, then the
 *   generator's own URL. `custom`: publish, then the parse server, then the generator's own URL.
 * - Google Drive on: the Spaces in order, or Drive itself; then the directory, if there is one. Each but the last has
 * an equal share of the upload's deadline.
 *
 * A feature that is switched on but lacks an address or a credential is omitted, and named in `warnings`: a run still
 * gives a URL.
 *
 * @param settings - Settings, in which everything but the generator is optional; or an object whose `current`
 * contains them, such as `jsonBinSettings`.
 * @throws ConfigurationError when the settings are invalid, with every problem at once.
 *
 * @example
 * ```ts
 * import { pipelineFromSettings, settingsFromEnv } from 'sora-pipeline/settings'
 *
 * const { settings, secrets } = settingsFromEnv({ SORA_BASE_URL: 'https://gateway.example/v1', SORA_API_KEY: 'your-key' })
 * const pipeline = pipelineFromSettings(settings, secrets)
 * for (const { message } of pipeline.warnings) console.warn(message)
 * ```
 */
export function pipelineFromSettings(
  settings: SettingsFragment | LiveSettings,
  secrets: SettingsSecrets = {},
  options: SettingsPipelineOptions = {},
): SettingsPipeline {
  // All strategies are here, so that there is little to gain by loading the engine later.
  keepEngine(engineParts)
  checkSettingsSecrets(secrets)
  checkOptions('pipelineFromSettings', options, RULES)
  const { fetch, generator, store = memoryStore(), ...shared } = options
  const live = isLive(settings) ? settings : { current: settings }
  const origin = { subject: 'pipelineFromSettings', mask: maskOf(secretValues(secrets)) }
  const owners = new Map<string, SoraPipeline>()
  let built = build(live.current)

  function build(source: SettingsFragment) {
    const checked = checkSettings(source, origin)
    const deadlines = { ...options.deadlines, ...checked.deadlines }
    const { warnings, ...strategies } = buildChain({
      settings: checked,
      secrets,
      generator,
      uploadMs: deadlines.uploadMs ?? UPLOAD_MS,
      fetch,
      allowPrivateAddresses: options.allowPrivateAddresses,
    })
    return {
      source,
      settings: checked,
      warnings,
      pipeline: new SoraPipeline({ ...shared, store, ...strategies, deadlines }),
    }
  }

  function newest() {
    if (live.current !== built.source) built = build(live.current)
    return built
  }

  // Two pipelines must not work on one run: they would take it from each other.
  function hold(run: PipelineRun, pipeline: SoraPipeline): PipelineRun {
    if (owners.has(run.id)) return run
    owners.set(run.id, pipeline)
    void untilEnd(run).then(() => owners.delete(run.id))
    return run
  }

  function pipelineOf(id: string | undefined): SoraPipeline {
    return (id === undefined ? undefined : owners.get(id)) ?? newest().pipeline
  }

  function run(request: VideoRequest, runOptions: RunOptions = {}): PipelineRun {
    const pipeline = pipelineOf(runOptions.id)
    return hold(pipeline.run(request, runOptions), pipeline)
  }

  return {
    get settings() {
      return newest().settings
    },
    get warnings() {
      return newest().warnings
    },
    get pipeline() {
      return newest().pipeline
    },
    run,
    resume(id, runOptions) {
      const pipeline = pipelineOf(id)
      return hold(pipeline.resume(id, runOptions), pipeline)
    },
    async generate(request, runOptions) {
      return run(request, runOptions).result
    },
  }
}

function isLive(settings: SettingsFragment | LiveSettings): settings is LiveSettings {
  return isRecord(settings) && 'current' in settings
}

async function untilEnd(run: PipelineRun): Promise<void> {
  for await (const event of run) if (event.type === 'run-completed' || event.type === 'run-failed') return
}
