import { callbackUrlFlaw } from '../../contracts/callback-url.js'
import { checkOptions, type OptionProblem, type OptionRules, optionProblem } from '../../contracts/check-options.js'
import { required, ruleOf } from '../../contracts/option-rules.js'
import { aContentSecret, wakeTokenOf } from './wake-token.js'

/** Options of {@link createWakeUrl}. */
export interface WakeUrlOptions {
  /**
   * Address under which upstreams reach the handler, with its `basePath`, such as `https://video.example/v1`: https, or
   * http of this machine.
   */
  readonly baseUrl: string
  /** The `contentSecret` of every handler that the address reaches. At least 16 characters. */
  readonly contentSecret: string
}

const RULES: OptionRules<WakeUrlOptions> = {
  baseUrl: required(ruleOf(baseUrlProblem)),
  contentSecret: required(aContentSecret),
}

/**
 * Creates the function for `wakeUrl` of a pipeline. It gives the address of a run, `{baseUrl}/wake/{token}`, at which an
 * upstream announces that the job changed; `createHandler` then wakes the run. The token contains the id of the run and
 * its HMAC-SHA-256: it wakes that run and does nothing else, and is the same in every process.
 *
 * @throws ConfigurationError when an option cannot work.
 *
 * @example
 * ```ts
 * import { createWakeUrl } from 'sora-pipeline/http'
 *
 * const wakeUrl = createWakeUrl({ baseUrl: 'https://video.example/v1', contentSecret: 'at least 16 characters' })
 * console.log(wakeUrl('run_1').startsWith('https://video.example/v1/wake/')) // true
 * ```
 */
export function createWakeUrl(options: WakeUrlOptions): (runId: string) => string {
  checkOptions('createWakeUrl', options, RULES)
  const { baseUrl, contentSecret } = options
  const base = baseUrl.replace(/\/+$/, '')
  const wakeUrl = (runId: string) => `${base}/wake/${wakeTokenOf(contentSecret, runId)}`
  secrets.set(wakeUrl, contentSecret)
  return wakeUrl
}

// The secret of each function that was created here.
const secrets = new WeakMap<object, string>()

/** Whether a function gives addresses whose tokens a handler with another secret, or without one, refuses. */
export function needsOtherSecret(
  wakeUrl: ((runId: string) => string) | undefined,
  contentSecret: string | undefined,
): boolean {
  const secret = wakeUrl && secrets.get(wakeUrl)
  return secret !== undefined && secret !== contentSecret
}

function baseUrlProblem(field: string, value: unknown): OptionProblem {
  const flaw = callbackUrlFlaw(value) ?? (new URL(value as string).search === '' ? undefined : 'leave the query out')
  // The address may contain a password.
  const shown = typeof value === 'string' ? value.replace(/\/\/[^/]*@/, '//').replace(/[?#].*/s, '') : value
  return flaw === undefined ? undefined : optionProblem(field, shown, flaw)
}
