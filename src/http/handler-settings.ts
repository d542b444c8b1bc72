import {
  checkOptions,
  type OptionProblem,
  type OptionRule,
  type OptionRules,
  optionProblem,
  throwProblems,
} from '../contracts/check-options.js'
import { toErrorJson } from '../contracts/errors.js'
import { InvalidRequestError } from '../contracts/input-errors.js'
import {
  aFunction,
  aTimeout,
  choice,
  msFrom0,
  number,
  rule,
  ruleOf,
  trueOrFalse,
  withMethods,
} from '../contracts/option-rules.js'
import { chatCompletionSettings } from '../openai/chat-completion-options.js'
import { toOpenAiError } from '../openai/to-openai-error.js'
import { checkRequest } from '../pipeline/check-request.js'
import { address } from '../strategies/option-rules.js'
import { systemClock } from '../timing/system-clock.js'
import { allowPrivateAddressesProblem } from '../upstream/download/allowed-destinations.js'
import { apiKeyProblems, describeUnseen } from './api-keys.js'
import { isInternal } from './error-answer.js'
import type { HandlerOptions } from './handler-options.js'
import { RUNNER_METHODS, type VideoRunner } from './video-runner.js'
import { warnOnce } from './warn-once.js'
import { aContentSecret } from './webhooks/wake-token.js'
import { webhookSecretsProblem } from './webhooks/webhook-signature.js'

type Defaulted =
  | 'basePath'
  | 'maxBodyBytes'
  | 'maxTotalBodyBytes'
  | 'bodyTimeoutMs'
  | 'maxRunsPerOwner'
  | 'acceptTimeoutMs'
  | 'onDisconnect'
  | 'contentDelivery'
  | 'contentSecret'
  | 'contentLifetimeMs'
  | 'repeatWindowMs'
  | 'heartbeatMs'
  | 'page'
  | 'onError'
  | 'clock'

const MAX_BODY_BYTES = 26_214_400
// A signed URL contains its end in seconds with at most twelve digits.
const LONGEST_LIFETIME_MS = 1e14

/** {@link HandlerOptions} with every default filled in; `basePath` has no slash at its end. */
export type HandlerSettings = Omit<HandlerOptions, Defaulted> & {
  readonly [Name in Defaulted]: NonNullable<HandlerOptions[Name]>
}

/**
 * Checks the pipeline and the options, and fills in the defaults.
 * @throws ConfigurationError naming every option that cannot work.
 */
export function handlerSettings(runner: VideoRunner, options: HandlerOptions): HandlerSettings {
  throwProblems('createHandler', [runnerProblem(runner)])
  checkOptions('createHandler', options, RULES, dependentProblems)
  // The formatting options are checked by the formatter, but already here.
  const { texts, progress, content, role, clock = systemClock, onError = warnOfError } = options
  chatCompletionSettings('createHandler', { texts, progress, content, role, clock })
  return {
    ...options,
    basePath: (options.basePath ?? '/v1').replace(/\/$/, ''),
    maxBodyBytes: options.maxBodyBytes ?? MAX_BODY_BYTES,
    maxTotalBodyBytes: options.maxTotalBodyBytes ?? 8 * (options.maxBodyBytes ?? MAX_BODY_BYTES),
    bodyTimeoutMs: options.bodyTimeoutMs ?? 120_000,
    maxRunsPerOwner: options.maxRunsPerOwner ?? Number.POSITIVE_INFINITY,
    acceptTimeoutMs: options.acceptTimeoutMs ?? 5000,
    onDisconnect: options.onDisconnect ?? 'continue',
    contentDelivery: options.contentDelivery ?? 'stream',
    contentSecret: options.contentSecret ?? `${crypto.randomUUID()}${crypto.randomUUID()}`,
    contentLifetimeMs: options.contentLifetimeMs ?? 86_400_000,
    repeatWindowMs: options.repeatWindowMs ?? 600_000,
    heartbeatMs: options.heartbeatMs ?? 14_000,
    page: options.page ?? false,
    clock,
    onError: (error) => {
      try {
        onError(error)
      } catch {
        // A broken logger must not cost the caller its answer.
      }
    },
  }
}

// Without it a mistake such as a wrong result of `authenticate` would leave no trace.
function warnOfError(error: unknown): void {
  if (!isInternal(error) || toOpenAiError(error).status < 500) return
  const { name, message } = toErrorJson(error)
  const what = 'createHandler() has no onError, and a request failed with an error of this server'
  const rest = 'Later errors are not reported; set onError to get all of them'
  warnOnce('SORA_PIPELINE_HANDLER_ERROR', `${what}: ${name}: ${message}. ${rest}`)
}

const ANY: OptionRule = { problems: () => [] }

const RULES: OptionRules<HandlerOptions> = {
  apiKeys: ruleOf((_, value) => apiKeyProblems(value)),
  // A key that was given here by mistake is not shown.
  authenticate: ruleOf((field, value) =>
    typeof value === 'function' ? undefined : { field, value: describeUnseen(value), fix: 'give a function' },
  ),
  public: trueOrFalse,
  basePath: rule(
    (value) => typeof value === 'string' && /^(?:\/[\w.~-]+)*\/?$/.test(value),
    "give a path such as '/v1'",
  ),
  healthz: rule(
    (value) => typeof value === 'boolean' || (typeof value === 'string' && /^(?:\/[\w.~-]+)+$/.test(value)),
    "give true, or a path such as '/healthz'",
  ),
  models: ruleOf(modelProblems),
  readModel: aFunction,
  readPrompt: aFunction,
  prepare: aFunction,
  // Checked by the formatter, but already here.
  texts: ANY,
  progress: ANY,
  content: ANY,
  role: ANY,
  clock: withMethods('now', 'monotonic', 'sleep'),
  maxBodyBytes: number((value) => value >= 1, 'give bytes above 0'),
  maxTotalBodyBytes: number((value) => value >= 1, 'give at least maxBodyBytes, or Infinity'),
  bodyTimeoutMs: aTimeout,
  maxRunsPerOwner: number(
    (value) => value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && value > 0),
    'give a whole number above 0',
  ),
  acceptTimeoutMs: msFrom0,
  repeatWindowMs: msFrom0,
  onDisconnect: choice('continue', 'cancel'),
  cors: rule(
    (value) => value === '*' || (Array.isArray(value) && value.every(isOrigin)),
    "give '*' or origins such as 'https://chat.example'",
  ),
  contentDelivery: rule(
    (value) => value === 'stream' || value === 'redirect' || typeof value === 'function',
    'give stream, redirect or a function',
  ),
  contentSecret: aContentSecret,
  contentLifetimeMs: number(
    (value) => value >= 1 && value <= LONGEST_LIFETIME_MS,
    `give milliseconds from 1 to ${LONGEST_LIFETIME_MS}`,
  ),
  publicOrigin: address('https://video.example', 'https://video.example alone'),
  webhookSecret: ruleOf((_, value) => (typeof value === 'function' ? undefined : webhookProblem(value))),
  webhookAllowPrivateAddresses: ruleOf((field, value) => allowPrivateAddressesProblem(value, field)),
  heartbeatMs: number((value) => value >= 0, 'give milliseconds from 0, or Infinity for none'),
  page: trueOrFalse,
  onError: aFunction,
}

const RUNNER = withMethods(...RUNNER_METHODS)

// Options in the place of the pipeline have the names of options, which shows what was meant.
function runnerProblem(runner: unknown): OptionProblem {
  const [problem] = RUNNER.problems('pipeline', runner)
  return (
    problem && {
      ...problem,
      value: describeUnseen(runner),
      fix: `call createHandler(pipeline, options): ${problem.fix}, such as a SoraPipeline`,
    }
  )
}

function dependentProblems(options: HandlerOptions): readonly OptionProblem[] {
  const { apiKeys, authenticate, public: isPublic, maxBodyBytes = MAX_BODY_BYTES, maxTotalBodyBytes } = options
  const isGuarded = apiKeys !== undefined || authenticate !== undefined
  // Left out it is a first try, which warns; given as nothing it is most likely an environment variable that is not set.
  const isLost = Object.hasOwn(options, 'apiKeys') && !isGuarded && isPublic !== true
  return [
    isLost ? optionProblem('apiKeys', apiKeys, 'give keys, or public: true for an open server') : undefined,
    apiKeys !== undefined && authenticate !== undefined
      ? optionProblem('authenticate', authenticate, 'remove it or apiKeys')
      : undefined,
    isPublic && isGuarded ? optionProblem('public', isPublic, 'remove it, or apiKeys and authenticate') : undefined,
    maxTotalBodyBytes !== undefined && maxTotalBodyBytes < maxBodyBytes
      ? optionProblem('maxTotalBodyBytes', maxTotalBodyBytes, 'give at least maxBodyBytes, or Infinity')
      : undefined,
  ]
}

function webhookProblem(secret: unknown): OptionProblem {
  const problem = webhookSecretsProblem(secret)
  return problem && { ...problem, field: 'webhookSecret' }
}

function modelProblems(field: string, models: unknown): readonly OptionProblem[] {
  const isList = Array.isArray(models)
  const names: readonly unknown[] = isList ? models : typeof models === 'object' ? Object.keys(Object(models)) : []
  if (names.length === 0 || !names.every((name) => typeof name === 'string' && name !== '')) {
    return [optionProblem(field, models, 'give names, or { name: { … } } with at least one')]
  }
  return isList
    ? []
    : Object.entries(models as object).flatMap(([name, fields]) => fieldProblems(`${field}.${name}`, fields))
}

// The fields of a model become those of a request, whose prompt the client gives.
function fieldProblems(field: string, fields: unknown): readonly OptionProblem[] {
  if (fields === undefined) return []
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    return [optionProblem(field, fields, 'give an object of fields of a request, such as { durationSeconds: 8 }')]
  }
  try {
    checkRequest({ prompt: 'A cat', ...fields })
    return []
  } catch (error) {
    if (!(error instanceof InvalidRequestError)) throw error
    return error.problems.map((problem) => ({ ...problem, field: `${field}.${problem.field}` }))
  }
}

function isOrigin(value: unknown): boolean {
  return typeof value === 'string' && URL.canParse(value) && new URL(value).origin === value
}
