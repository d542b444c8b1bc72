import { randomUUID } from 'node:crypto'
import { checkOptions, type OptionRules } from '../contracts/check-options.js'
import { choice, nested, number, required, rule, secret, text, whole } from '../contracts/option-rules.js'
import { CHAT_VARIANTS, type ChatVariant } from './chat/chat-variant.js'
import type { FaultPlans } from './fault.js'
import { type SandboxVideosDialect, VIDEOS_DIALECTS } from './video-dialect.js'

/** Options of {@link startSandbox}. */
export interface SandboxOptions {
  /** Faults from the beginning; {@link Sandbox.setFaults} changes them. @defaultValue none */
  readonly faults?: FaultPlans | undefined
  /**
   * Speed of the jobs, above 0: a job takes about 6 seconds at 1 and 0.3 seconds at 20. A job takes at least the time
   * to render its video, also at `Infinity`.
   * @defaultValue `1`
   */
  readonly speed?: number | undefined
  /**
   * Whole number that the durations of the jobs depend on: they differ by up to 10 %, in the same way for the same
   * seed. Any
   * other number is refused.
   * @defaultValue `1`
   */
  readonly seed?: number | undefined
  /** Key that the Videos API requires. @defaultValue a new one in every sandbox */
  readonly apiKey?: string | undefined
  /**
   * Milliseconds from 0 (finite) that the Videos API sends as `openai-poll-after-ms`; clients should not poll sooner.
   * @defaultValue none: the header is not sent
   */
  readonly pollAfterMs?: number | undefined
  /**
   * The server that the Videos API answers as, with its fields, its errors and the operations that it has.
   * @defaultValue `'openai'`
   */
  readonly videosDialect?: SandboxVideosDialect | undefined
  /** Form in which the chat upstream answers for models that name none. @defaultValue `'fenced-html'` */
  readonly chatVariant?: ChatVariant | undefined
  /**
   * Makes both Spaces private: they answer 404 with a page to every request without this token.
   * @defaultValue none: they are public
   */
  readonly spaceToken?: string | undefined
  /**
   * Maximum calls that wait in line at a Space besides the running one, a whole number from 0. A further one is
   * answered with 503.
   * @defaultValue `20`
   */
  readonly spaceQueueSize?: number | undefined
  /**
   * A directory whose files the file server also serves, such as that of a `directoryUploader`.
   * @defaultValue none
   */
  readonly files?: { readonly directory: string } | undefined
}

/** The options of the upstreams, with a value for each. */
export interface CheckedSandboxOptions {
  readonly speed: number
  readonly seed: number
  readonly apiKey: string
  readonly pollAfterMs: number | undefined
  readonly videosDialect: SandboxVideosDialect
  readonly chatVariant: ChatVariant
  readonly spaceToken: string | undefined
  readonly spaceQueueSize: number
}

const RULES: OptionRules<SandboxOptions> = {
  // Checked as in `setFaults`.
  faults: rule(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    'give an object of faults by endpoint',
  ),
  speed: number((value) => value > 0, 'give a number above 0'),
  seed: rule(Number.isInteger, 'give a whole number'),
  apiKey: secret('give a text that is not empty'),
  pollAfterMs: number((value) => value >= 0 && Number.isFinite(value), 'give milliseconds from 0'),
  videosDialect: choice(...VIDEOS_DIALECTS),
  chatVariant: rule(
    (value) => CHAT_VARIANTS.some((variant) => variant === value),
    `give one of ${CHAT_VARIANTS.join(', ')}`,
  ),
  spaceToken: secret('give a text that is not empty'),
  spaceQueueSize: whole(0),
  files: nested<{ readonly directory: string }>({ directory: required(text('give the path of a directory')) }),
}

/**
 * Fills in the defaults.
 * @throws ConfigurationError when an option is out of its range; it names every problem.
 */
export function checkSandboxOptions(options: SandboxOptions): CheckedSandboxOptions {
  checkOptions('the sandbox', options, RULES)
  const { speed = 1, seed = 1, apiKey = `sk-sandbox-${randomUUID()}`, pollAfterMs } = options
  const { videosDialect = 'openai', chatVariant = 'fenced-html', spaceToken, spaceQueueSize = 20 } = options
  return { speed, seed, apiKey, pollAfterMs, videosDialect, chatVariant, spaceToken, spaceQueueSize }
}
