import {
  checkOptions,
  type OptionProblem,
  type OptionRules,
  optionProblem,
  throwProblems,
} from '../../../contracts/check-options.js'
import { isJson } from '../../../contracts/is-json.js'
import type { JsonObject } from '../../../contracts/json.js'
import { aFunction, aTimeout, choice, number, rule, trueOrFalse, whole } from '../../../contracts/option-rules.js'
import type { AllowPrivateAddresses } from '../../../upstream/download/allowed-destinations.js'
import { isRecord } from '../../../upstream/is-record.js'
import { named, privateAddresses } from '../../option-rules.js'
import type { VideoModelLike } from './video-model-like.js'

/** Options of `videoModelGenerator`. */
export interface VideoModelGeneratorOptions {
  /**
   * Name in events, handles and messages. A run is resumed by a generator of the same name.
   * @defaultValue provider and id of the model, such as `fal.video/luma-ray-2`
   */
  readonly name?: string | undefined
  /** Display name, in progress texts. @defaultValue `name` */
  readonly label?: string | undefined
  /**
   * How many polls in a row must report an error before the job counts as failed: a whole number from 1, any other is refused;
   * they must span 15 seconds or more, unless it is 1. Some models report a busy server or a lost connection as the error of the
   * job, and another generator would then be paid for a job that is still running. Each process counts its own polls.
   * @defaultValue `3`
   */
  readonly errorConfirmations?: number | undefined
  /**
   * Whether the provider gives the same job for the same `idempotency-key`. The header is sent either way. Set `key` only for a
   * provider that documents it, because a submission whose outcome is unknown is then sent again.
   * @defaultValue `'key'` for the AI Gateway, else `'none'`
   */
  readonly idempotency?: 'key' | 'none' | undefined
  /**
   * Time after which a submission whose outcome is unknown is sent again under its key, in milliseconds from 0 (finite); any
   * other number is refused.
   * @defaultValue `30_000` (30 s)
   */
  readonly settleMs?: number | undefined
  /**
   * Whether `doStart` gets the address of `wakeUrl` of the pipeline as `webhookUrl`, which the provider calls when the job changes.
   * The models of fal, Replicate and the AI Gateway pass it on; others ignore it. MiniMax verifies the address by a challenge, which
   * the backend of this library does not answer. A model without `doStart` never gets it.
   * @defaultValue `false`
   */
  readonly callback?: boolean | undefined
  /**
   * Called with the address of each video: returns the headers that open it, such as the key of OpenRouter, or `undefined` for an
   * address that needs none. An address that needs headers is not public; they are sent only to its origin.
   * @defaultValue none
   */
  readonly downloadHeaders?: ((url: URL) => Readonly<Record<string, string>> | undefined) | undefined
  /**
   * Time limit until the headers of a download, in milliseconds above 0 and at most 2,147,483,647, or `Infinity` for no limit.
   * @defaultValue `30_000` (30 s)
   */
  readonly downloadTimeoutMs?: number | undefined
  /**
   * Where a video may be fetched from beyond public addresses on ports 80 and 443: hosts (`'127.0.0.1'`), hosts with a port
   * (`'10.0.0.7:9000'`) and ranges (`'10.0.0.0/8'`), or `true` for everything.
   * @defaultValue none
   */
  readonly allowPrivateAddresses?: AllowPrivateAddresses | undefined
  /**
   * Options for every request, by the name of the provider, such as `{ fal: { loop: true } }`. Those of a request are merged
   * into them, objects field by field at every depth.
   * @defaultValue none
   */
  readonly providerOptions?: JsonObject | undefined
}

// An earlier version has other names for what it takes and returns.
const VERSIONS: readonly unknown[] = ['v3', 'v4']

const RULES: OptionRules<VideoModelGeneratorOptions> = {
  ...named,
  errorConfirmations: whole(1),
  idempotency: choice('key', 'none'),
  settleMs: number((value) => value >= 0 && Number.isFinite(value), 'give milliseconds from 0'),
  callback: trueOrFalse,
  downloadHeaders: aFunction,
  downloadTimeoutMs: aTimeout,
  allowPrivateAddresses: privateAddresses,
  providerOptions: rule(
    (value) => isRecord(value) && Object.values(value).every((entry) => isRecord(entry) && isJson(entry)),
    'give JSON objects by the name of the provider, such as { fal: { loop: true } }',
  ),
}

/** The options with their defaults. */
export function checkVideoModelOptions(model: VideoModelLike, given: VideoModelGeneratorOptions) {
  throwProblems('videoModelGenerator', [modelProblem(model)])
  checkOptions('videoModelGenerator', given, RULES)
  const { provider, modelId } = model
  return {
    ...given,
    name: given.name ?? `${provider}/${modelId}`,
    errorConfirmations: given.errorConfirmations ?? 3,
    idempotency: given.idempotency ?? (provider === 'gateway' ? 'key' : 'none'),
    downloadTimeoutMs: given.downloadTimeoutMs ?? 30_000,
    providerOptions: given.providerOptions ?? {},
  } as const
}

/** The options with their defaults. */
export type CheckedVideoModelOptions = ReturnType<typeof checkVideoModelOptions>

function modelProblem(model: unknown): OptionProblem {
  const { specificationVersion, provider, modelId, doGenerate, doStart, doStatus } = Object(
    model,
  ) as Partial<VideoModelLike>
  if (![provider, modelId].every((name) => typeof name === 'string' && name !== '')) {
    return optionProblem('model', model, "give a video model of the AI SDK, such as fal.video('luma-ray-2')")
  }
  const canStart = typeof doStart === 'function' && typeof doStatus === 'function'
  if (!canStart && typeof doGenerate !== 'function') {
    return optionProblem('model', model, 'give a video model with doStart() and doStatus(), or with doGenerate()')
  }
  if (VERSIONS.includes(specificationVersion)) return undefined
  const fix = 'give a model of version v3 or v4: update its package'
  return optionProblem('model.specificationVersion', specificationVersion, fix)
}
