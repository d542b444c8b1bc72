import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type RunStore, SoraPipeline, type SoraPipelineOptions } from 'sora-pipeline'
import {
  type LiveSettings,
  pipelineFromSettings,
  type SettingsFragment,
  type SettingsSecrets,
} from 'sora-pipeline/settings'
import { toErrorJson } from '../../contracts/errors.js'
import { CommandError } from '../command-error.js'

/** What the file of `--config` exports. */
export type Configuration =
  | { readonly kind: 'pipeline'; readonly pipeline: SoraPipeline; readonly store: RunStore | undefined }
  | { readonly kind: 'options'; readonly options: SoraPipelineOptions; readonly store: RunStore | undefined }
  | {
      readonly kind: 'settings'
      /** As they are, or as a bin has them. */
      readonly settings: SettingsFragment | LiveSettings
      readonly secrets: SettingsSecrets
      readonly store: RunStore | undefined
    }

/** The option of commands that need the pipeline. */
export const CONFIG_OPTION = { config: { type: 'string' } } as const

/** Its lines in `--help`. */
export const CONFIG_HELP = `  --config   JavaScript or TypeScript file (Node 22.18) that exports pipeline, or options of a SoraPipeline, or settings
             and secrets; and store, if they do not have it`

/**
 * Loads a file of `--config`.
 * @throws CommandError when the file cannot be loaded, or exports nothing that makes a pipeline.
 */
export async function loadConfig(file: string): Promise<Configuration> {
  const exported = await moduleOf(file)
  const { default: given, pipeline = given, options = given, settings = given, store, secrets = {} } = exported
  const own = store as RunStore | undefined
  if (isPipeline(pipeline)) return { kind: 'pipeline', pipeline, store: own }
  if (isOptions(options)) return { kind: 'options', options, store: own ?? options.store }
  if (typeof settings === 'object' && settings !== null) {
    return {
      kind: 'settings',
      settings: settings as SettingsFragment | LiveSettings,
      secrets: secrets as SettingsSecrets,
      store: own,
    }
  }
  throw new CommandError(
    `Could not use the configuration: ${file} exports ${Object.keys(exported).join(', ') || 'nothing'}; export pipeline, options or settings`,
  )
}

/**
 * The pipeline of a configuration.
 * @param store - The store of the command line.
 * @throws ConfigurationError when its options are invalid.
 */
export function pipelineOf(configuration: Configuration, store: RunStore | undefined): SoraPipeline {
  switch (configuration.kind) {
    case 'pipeline':
      return configuration.pipeline
    case 'options':
      return new SoraPipeline({ ...configuration.options, store: store ?? configuration.store })
    case 'settings': {
      const { settings, secrets } = configuration
      return pipelineFromSettings(settings, secrets, { store: store ?? configuration.store }).pipeline
    }
  }
}

async function moduleOf(file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await import(pathToFileURL(resolve(file)).href)
  } catch (error) {
    const { code } = Object(error) as { readonly code?: unknown }
    const fix = code === 'ERR_UNKNOWN_FILE_EXTENSION' ? '; give a JavaScript file, or run Node 22.18 or later' : ''
    throw new CommandError(`Could not load the configuration: ${file}: ${toErrorJson(error).message}${fix}`)
  }
}

// Also a pipeline of another copy of the package.
function isPipeline(value: unknown): value is SoraPipeline {
  const methods = ['run', 'resume', 'retry', 'adopt', 'settle', 'inspect', 'close']
  return methods.every((method) => typeof Object(value)[method] === 'function')
}

function isOptions(value: unknown): value is SoraPipelineOptions {
  const { generator } = Object(value) as { readonly generator?: unknown }
  return ['start', 'generate'].some((verb) => typeof Object(generator)[verb] === 'function')
}
