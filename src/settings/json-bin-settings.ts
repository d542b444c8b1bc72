import { isSoraPipelineError, type SoraPipelineError } from '../contracts/errors.js'
import { ConfigurationError } from '../contracts/input-errors.js'
import { abortable } from '../upstream/abortable.js'
import { maskOf } from '../upstream/secret.js'
import { checkSettings } from './check-settings.js'
import { credentialHosts, foreignHostProblems } from './foreign-hosts.js'
import { createJsonBinClient } from './json-bin-client.js'
import { refuseSecrets, unwrapSettings, wrapSettings } from './json-bin-document.js'
import { checkJsonBinOptions, type JsonBinSettingsOptions } from './json-bin-options.js'
import type { LiveSettings, Settings } from './settings.js'
import { differenceOf, patchSettings, type SettingsPatch } from './settings-patch.js'
import { secretValues } from './settings-secrets.js'

/** Settings that are kept in a bin. */
export interface JsonBinSettings extends LiveSettings {
  /** The last valid copy, with the changes of this process; `initial` before the bin was read. */
  readonly current: Settings
  /**
   * Reads the bin, and stores changes that could not be stored before. If the service is unavailable, out of quota or
   * answers garbage, it resolves with `isPulled: false` and the `error`, calls `onWarning`, and `current` stays
   * unchanged.
   * @throws ConfigurationError for problems that need a person: a wrong bin, another program's document, a newer
   * version, invalid settings. `current` and the bin stay unchanged.
   * @throws AuthenticationError when the key does not give access to the bin.
   * @throws signal.reason after an abort.
   */
  pull(options?: SyncOptions): Promise<SettingsSync>
  /**
   * Changes settings: `current` has the change when the call returns, the bin when it resolves with `isPushed: true`.
   * A failed push resolves with `isPushed: false` and the `error`, calls `onWarning`, and is repeated by the next
   * `update` or `pull`.
   *
   * The bin is read before it is written, and only changed fields are merged into it, but the service has no
   * conditional write: if two processes write at the same moment, the last one wins.
   *
   * @throws ConfigurationError when the resulting settings would be invalid; nothing is changed then.
   * @throws signal.reason after an abort; the change stays in `current` until it can be stored.
   */
  update(change: SettingsPatch | ((settings: Settings) => Settings), options?: SyncOptions): Promise<SettingsSync>
}

/** Options of one `pull` or `update`. */
export interface SyncOptions {
  /** Ends the request; the call then rejects with `signal.reason`. @defaultValue none */
  readonly signal?: AbortSignal | undefined
}

/** The result of a `pull` or an `update`. */
export interface SettingsSync {
  /** The same as `current`. */
  readonly settings: Settings
  /** Whether the bin was read. */
  readonly isPulled: boolean
  /** Whether the bin contains every earlier change. */
  readonly isPushed: boolean
  /** The reason of a failure. */
  readonly error?: SoraPipelineError
}

const SUBJECT = 'jsonBinSettings'

/**
 * Keeps settings in a bin of JSONBin v3, so that several processes share them and they survive a restart. Call `pull`
 * at the start, and whenever changes of other processes are needed; call `update` to change settings. The last valid
 * copy is used while the service is unavailable, so a run never waits for it. The bin takes precedence over
 * `initial`.
 *
 * The document is `{"format":"sora-pipeline-settings","version":1,"settings":{…}}`: a bin is never blank, which the
 * service refuses, and a bin with any other content is never overwritten. Create it with `"settings":{}`. A
 * credential is never stored: a change that contains one of `secrets`, or a text that looks like a credential, is not
 * pushed.
 *
 * Wire format: the API reference of JSONBin v3, https://jsonbin.io/api-reference.
 *
 * @throws ConfigurationError when an option or `initial` cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { jsonBinSettings, settingsFromEnv } from 'sora-pipeline/settings'
 *
 * const { settings, secrets, jsonBin } = settingsFromEnv(process.env)
 * if (jsonBin) {
 *   const live = jsonBinSettings({ ...jsonBin, initial: settings, secrets })
 *   await live.pull()
 *   await live.update({ watermarkFree: { isEnabled: false } })
 * }
 * ```
 */
export function jsonBinSettings(given: JsonBinSettingsOptions): JsonBinSettings {
  const options = checkJsonBinOptions(given)
  const { onWarning } = options
  const client = createJsonBinClient(options)
  const secrets = [...secretValues(options.secrets), options.masterKey ?? '', options.accessKey ?? ''].filter(Boolean)
  const origin = { subject: SUBJECT, mask: maskOf(secrets) }
  const pending: SettingsPatch[] = []
  const initial = checkSettings(options.initial, origin)
  const allowedHosts = options.allowedHosts && [
    ...options.allowedHosts,
    ...credentialHosts(initial).map(({ host }) => host),
  ]
  let current = initial
  let last: Promise<unknown> = Promise.resolve()

  const check = (settings: unknown): Settings => {
    const checked = checkSettings(settings, origin)
    const problems = allowedHosts ? foreignHostProblems(checked, allowedHosts) : []
    if (problems.length > 0) throw new ConfigurationError(SUBJECT, problems)
    return checked
  }

  async function exchange(signal: AbortSignal): Promise<SettingsSync> {
    let isPulled = false
    try {
      const stored = check(patchSettings(initial, unwrapSettings(await client.read(signal))))
      const newest = check(pending.reduce(patchSettings, stored))
      // The same object while nothing changes, so that a pipeline is not rebuilt.
      if (Object.keys(differenceOf(current, newest)).length > 0) current = newest
      isPulled = true
      const count = pending.length
      if (count > 0) {
        refuseSecrets(current, secrets)
        await client.write(wrapSettings(current, initial), signal)
        pending.splice(0, count)
      }
      return { settings: current, isPulled, isPushed: true }
    } catch (error) {
      signal.throwIfAborted()
      if (!isSoraPipelineError(error)) throw error
      warn(isPulled ? 'settings-not-pushed' : 'settings-not-pulled', error.message)
      return { settings: current, isPulled, isPushed: pending.length === 0, error }
    }
  }

  // One after the other, so that a late answer does not replace a newer one.
  function sync({ signal = new AbortController().signal }: SyncOptions = {}): Promise<SettingsSync> {
    const before = last
    const made = (async () => {
      signal.throwIfAborted()
      await abortable(signal, before)
      return exchange(signal)
    })()
    // An aborted call that still waits does not affect the one before it.
    last = Promise.allSettled([before, made])
    return made
  }

  function warn(code: string, message: string): void {
    try {
      onWarning?.({ code, message })
    } catch {
      // A failure of the listener must not affect the settings; the result contains the warning too.
    }
  }

  return {
    get current() {
      return current
    },
    async pull(syncOptions) {
      const outcome = await sync(syncOptions)
      const { isPulled, error } = outcome
      if (!isPulled && error !== undefined && isForPeople(error)) throw error
      return outcome
    },
    async update(change, syncOptions) {
      const wanted = typeof change === 'function' ? change(current) : patchSettings(current, change)
      const changed = check(wanted)
      pending.push(differenceOf(current, changed))
      current = changed
      return sync(syncOptions)
    },
  }
}

function isForPeople({ code }: SoraPipelineError): boolean {
  return code === 'configuration-invalid' || code === 'authentication'
}
