import { attemptObserverOf } from '../../contracts/attempt-observer.js'
import { checkOptions, type OptionProblem, type OptionRules, optionProblem } from '../../contracts/check-options.js'
import { aTimeout, msFrom0, number, required, ruleOf } from '../../contracts/option-rules.js'
import type { ResolvedVideo, Resolver } from '../../contracts/resolver.js'
import { AllStrategiesFailedError } from '../../contracts/run-errors.js'
import type { StageContext } from '../../contracts/stage.js'
import { UpstreamHttpError } from '../../contracts/upstream-errors.js'
import type { AllowPrivateAddresses } from '../../upstream/download/allowed-destinations.js'
import type { Fetch } from '../../upstream/outgoing-request.js'
import { proveVideo } from '../../upstream/prove-video.js'
import { addressProblem, aFetch, headers, named, privateAddresses } from '../option-rules.js'
import { fillTemplate } from './fill-template.js'

/** Options of `mirrorResolver`. */
export interface MirrorResolverOptions {
  /** Name in events and messages. @defaultValue `'mirror'` */
  readonly name?: string | undefined
  /** Display name, in progress texts. @defaultValue `name` */
  readonly label?: string | undefined
  /**
   * Hosts of the copies in the order in which they are tried, at least one, such as
   * `['cdn1.example', 'https://cdn2.example']`; https without a scheme.
   */
  readonly hosts: readonly string[]
  /**
   * Path of a video, with `{postId}` for the id of the publication and `{videoId}` for that of the generation, both encoded.
   * @defaultValue `'/MP4/{postId}.mp4'`
   */
  readonly path?: string | undefined
  /** Headers that are sent to the mirrors themselves, and not to redirect targets. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /**
   * Time limit of one check at one host with all its requests, in milliseconds above 0 and at most 2,147,483,647, or
   * `Infinity` for no limit. Past it the next host is tried.
   * @defaultValue `10_000` (10 s)
   */
  readonly timeoutMs?: number | undefined
  /**
   * How long a video that is missing (404) is waited for at each host, in milliseconds from 0. It is polled again after 1 s,
   * 2 s, 4 s, 8 s and then every 10 s; past the limit the next host is tried. `Infinity` waits until the deadline of the
   * stage.
   * @defaultValue `0`
   */
  readonly syncTimeoutMs?: number | undefined
  /**
   * Smallest size that counts as a video, in bytes from 0. A shorter one is refused, if the host announces the length.
   * @defaultValue `1`
   */
  readonly minBytes?: number | undefined
  /**
   * Where a mirror may redirect to beyond itself and public addresses on ports 80 and 443: hosts (`'127.0.0.1'`), hosts with
   * a port (`'10.0.0.7:9000'`) and ranges (`'10.0.0.0/8'`), or `true` for everything. The hosts themselves need no entry.
   * @defaultValue none
   */
  readonly allowPrivateAddresses?: AllowPrivateAddresses | undefined
  /**
   * Called instead of `node:http`, with the address as a string. It resolves host names, so only literal addresses,
   * local names and ports of redirects are checked.
   * @defaultValue a guarded `node:http`
   */
  readonly fetch?: Fetch | undefined
}

const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 10_000

/**
 * Builds the URL of a copy at each host and returns the first one that serves a video, checked by `HEAD`, or where
 * that is refused or insufficient by requesting its first bytes. Redirects are followed and checked, and the result
 * is the mirror's own URL. Each host is a separate attempt in the events, such as `mirror:cdn1.example`.
 *
 * `resolve` rejects with `AllStrategiesFailedError`, with an error for each host, and with `InvalidRequestError` when
 * the path needs a publication and there is none. An abort closes the connections.
 *
 * @throws ConfigurationError when an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { mirrorResolver } from 'sora-pipeline/strategies'
 *
 * const resolver = mirrorResolver({ hosts: ['cdn1.example', 'cdn2.example'], syncTimeoutMs: 60_000 })
 * console.log(resolver.name)
 * ```
 */
export function mirrorResolver(given: MirrorResolverOptions): Resolver {
  const options = checkMirrorOptions(given)
  const { name, hosts } = options

  async function atHost(host: string, path: string, context: StageContext): Promise<ResolvedVideo> {
    const url = `${host}${path}`
    const { clock, signal } = context
    const end = clock.monotonic() + options.syncTimeoutMs
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
      try {
        return { url, ...(await proveVideo({ ...options, url, ownOrigin: new URL(host).origin, signal })) }
      } catch (error) {
        const leftMs = end - clock.monotonic()
        const isMissing = error instanceof UpstreamHttpError && error.status === 404
        if (signal.aborted || !isMissing || leftMs <= 0) throw error
        context.report({ phase: 'syncing' })
        await clock.sleep(Math.min(waitMs, leftMs), { signal })
      }
    }
  }

  return {
    name,
    ...(options.label !== undefined && { label: options.label }),
    endpoints: options.hosts,
    async resolve(input, context) {
      const { clock, signal } = context
      signal.throwIfAborted()
      const path = fillTemplate(options.path, input)
      const observer = attemptObserverOf(context)
      const errors: unknown[] = []
      for (const [index, host] of hosts.entries()) {
        const strategy = { name: nameOf(name, host) }
        const startedAt = clock.monotonic()
        const elapsedMs = () => Math.round(clock.monotonic() - startedAt)
        try {
          const resolved = await atHost(host, path, context)
          observer.succeeded({ strategy, durationMs: elapsedMs() })
          return resolved
        } catch (error) {
          if (signal.aborted) throw signal.reason
          observer.failed({ strategy, durationMs: elapsedMs(), error })
          errors.push(error)
          const next = hosts[index + 1]
          if (next !== undefined) observer.fellBack(strategy, { name: nameOf(name, next) })
        }
      }
      throw new AllStrategiesFailedError(`Could not find the video at any mirror: ${hosts.length} tried`, { errors })
    },
  }
}

const RULES: OptionRules<MirrorResolverOptions> = {
  ...named,
  hosts: required(
    ruleOf((field, value) =>
      Array.isArray(value) && value.length > 0
        ? value.map((host: unknown, index) => hostProblem(`${field}[${index}]`, host))
        : optionProblem(field, value, 'give a list of at least one host'),
    ),
  ),
  path: ruleOf(pathProblem),
  headers,
  timeoutMs: aTimeout,
  syncTimeoutMs: msFrom0,
  minBytes: number((value) => value >= 0, 'give bytes from 0'),
  allowPrivateAddresses: privateAddresses,
  fetch: aFetch,
}

function checkMirrorOptions(given: MirrorResolverOptions) {
  checkOptions('mirrorResolver', given, RULES)
  return {
    ...given,
    hosts: given.hosts.map(withScheme),
    name: given.name ?? 'mirror',
    path: given.path ?? '/MP4/{postId}.mp4',
    timeoutMs: given.timeoutMs ?? 10_000,
    syncTimeoutMs: given.syncTimeoutMs ?? 0,
    minBytes: given.minBytes ?? 1,
  }
}

function withScheme(host: string): string {
  const text = host.trim().replace(/\/+$/, '')
  return /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `https://${text}`
}

function hostProblem(field: string, host: unknown): OptionProblem {
  const url = typeof host === 'string' ? withScheme(host) : host
  const problem = addressProblem(field, url, 'cdn.example', 'a host without a login')
  if (problem !== undefined || !/[?#]/.test(String(url))) return problem
  return optionProblem(field, String(url).replace(/[?#].*/s, ''), 'leave the query out')
}

// Without a placeholder every video would be the same file.
function pathProblem(field: string, path: unknown): OptionProblem {
  if (typeof path !== 'string' || !path.startsWith('/')) return optionProblem(field, path, 'begin it with /')
  return /\{(postId|videoId)\}/.test(path) ? undefined : optionProblem(field, path, 'put {postId} or {videoId} into it')
}

function nameOf(name: string, host: string): string {
  return `${name}:${new URL(host).host}`
}
