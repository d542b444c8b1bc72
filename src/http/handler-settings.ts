import { ConfigurationError } from '../contracts/input-errors.js'
import { chatCompletionSettings } from '../openai/chat-completion-options.js'
import {
  addressProblem,
  choiceProblem,
  type OptionProblem,
  optionProblem,
  throwProblems,
} from '../strategies/option-problems.js'
import { systemClock } from '../timing/system-clock.js'
import { allowPrivateAddressesProblem } from '../upstream/download/allowed-destinations.js'
import { apiKeyProblems } from './api-keys.js'
import type { HandlerOptions } from './handler-options.js'
import { webhookSecretsProblem } from './webhooks/webhook-signature.js'

type Defaulted =
  | 'basePath'
  | 'maxBodyBytes'
  | 'acceptTimeoutMs'
  | 'onDisconnect'
  | 'contentDelivery'
  | 'contentSecret'
  | 'contentLifetimeMs'
  | 'repeatWindowMs'
  | 'heartbeatMs'
  | 'heartbeatChunkMs'
  | 'onError'
  | 'clock'

/** {@link HandlerOptions} with every default filled in; `basePath` has no slash at its end. */
export type HandlerSettings = Omit<HandlerOptions, Defaulted> & {
  readonly [Name in Defaulted]: NonNullable<HandlerOptions[Name]>
}

/**
 * Checks options and fills in the defaults.
 * @throws ConfigurationError naming every option that cannot work.
 */
export function handlerSettings(options: HandlerOptions): HandlerSettings {
  throwProblems('createHandler', problemsOf(options))
  // The options about formatting are checked where they are used, but now.
  const { texts, progress, content, role, clock = systemClock, onError } = options
  chatCompletionSettings('createHandler', { texts, progress, content, role, clock })
  return {
    ...options,
    basePath: (options.basePath ?? '/v1').replace(/\/$/, ''),
    maxBodyBytes: options.maxBodyBytes ?? 26_214_400,
    acceptTimeoutMs: options.acceptTimeoutMs ?? 5000,
    onDisconnect: options.onDisconnect ?? 'continue',
    contentDelivery: options.contentDelivery ?? 'stream',
    contentSecret: options.contentSecret ?? `${crypto.randomUUID()}${crypto.randomUUID()}`,
    contentLifetimeMs: options.contentLifetimeMs ?? 86_400_000,
    repeatWindowMs: options.repeatWindowMs ?? 600_000,
    heartbeatMs: options.heartbeatMs ?? 14_000,
    heartbeatChunkMs: options.heartbeatChunkMs ?? 55_000,
    clock,
    onError: (error) => {
      try {
        onError?.(error)
      } catch {
        // A broken logger must not cost the caller its answer.
      }
    },
  }
}

const FUNCTIONS = ['authenticate', 'prepare', 'readModel', 'readPrompt', 'onError'] as const

function problemsOf(options: HandlerOptions): readonly OptionProblem[] {
  if (typeof options !== 'object' || options === null) {
    throw new ConfigurationError('createHandler', [optionProblem('options', options, 'give an object')])
  }
  const { apiKeys, authenticate, basePath, models, cors, contentDelivery, contentSecret, publicOrigin } = options
  const { maxBodyBytes, acceptTimeoutMs, contentLifetimeMs, heartbeatMs, heartbeatChunkMs, onDisconnect } = options
  const { webhookSecret, repeatWindowMs } = options
  const isText = (value: unknown) => typeof value === 'string' && value !== ''
  const when = (isWrong: boolean, field: string, value: unknown, fix: string): OptionProblem =>
    isWrong ? optionProblem(field, value, fix) : undefined
  const isAtLeast = (value: unknown, least: number) => typeof value === 'number' && value >= least
  return [
    ...(apiKeys === undefined ? [] : apiKeyProblems(apiKeys)),
    when(apiKeys !== undefined && authenticate !== undefined, 'authenticate', authenticate, 'leave it or apiKeys out'),
    ...FUNCTIONS.map((field) =>
      when(!isOptional(options[field], 'function'), field, options[field], 'give a function'),
    ),
    when(
      basePath !== undefined && !/^(?:\/[\w.~-]+)*\/?$/.test(String(basePath)),
      'basePath',
      basePath,
      "give a path such as '/v1'",
    ),
    when(
      models !== undefined && !areModels(models),
      'models',
      models,
      'give names, or { name: { … } } with at least one',
    ),
    when(
      cors !== undefined && cors !== '*' && !(Array.isArray(cors) && cors.every(isOrigin)),
      'cors',
      cors,
      "give '*' or origins such as 'https://chat.example'",
    ),
    when(
      contentDelivery !== undefined &&
        !['stream', 'redirect'].includes(String(contentDelivery)) &&
        typeof contentDelivery !== 'function',
      'contentDelivery',
      contentDelivery,
      'give stream, redirect or a function',
    ),
    // Its value is never shown.
    contentSecret !== undefined && !(isText(contentSecret) && contentSecret.length >= 16)
      ? { field: 'contentSecret', value: 'unusable', fix: 'give at least 16 characters' }
      : undefined,
    publicOrigin === undefined ? undefined : addressProblem('publicOrigin', publicOrigin, 'https://video.example'),
    webhookSecret === undefined || typeof webhookSecret === 'function' ? undefined : webhookProblem(webhookSecret),
    when(maxBodyBytes !== undefined && !isAtLeast(maxBodyBytes, 1), 'maxBodyBytes', maxBodyBytes, 'give bytes above 0'),
    when(
      acceptTimeoutMs !== undefined && !isAtLeast(acceptTimeoutMs, 0),
      'acceptTimeoutMs',
      acceptTimeoutMs,
      'give milliseconds from 0',
    ),
    when(
      repeatWindowMs !== undefined && !isAtLeast(repeatWindowMs, 0),
      'repeatWindowMs',
      repeatWindowMs,
      'give milliseconds from 0',
    ),
    when(
      contentLifetimeMs !== undefined && !isAtLeast(contentLifetimeMs, 1),
      'contentLifetimeMs',
      contentLifetimeMs,
      'give milliseconds above 0',
    ),
    ...Object.entries({ heartbeatMs, heartbeatChunkMs }).map(([field, value]) =>
      when(value !== undefined && !isAtLeast(value, 0), field, value, 'give milliseconds from 0, or Infinity for none'),
    ),
    onDisconnect === undefined ? undefined : choiceProblem('onDisconnect', onDisconnect, ['continue', 'cancel']),
    allowPrivateAddressesProblem(options.allowPrivateAddresses),
  ]
}

function webhookProblem(secret: string): OptionProblem {
  const problem = webhookSecretsProblem(secret)
  return problem && { ...problem, field: 'webhookSecret' }
}

function isOptional(value: unknown, type: 'function'): boolean {
  return value === undefined || typeof value === type
}

function areModels(models: unknown): boolean {
  const names = Array.isArray(models) ? models : Object.keys(Object(models))
  return names.length > 0 && names.every((name) => typeof name === 'string' && name !== '')
}

function isOrigin(value: unknown): boolean {
  return typeof value === 'string' && URL.canParse(value) && new URL(value).origin === value
}
