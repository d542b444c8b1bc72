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
  /** The last good copy, with the changes of this process; `initial` before the bin was read. */
  readonly current: Settings
  /**
   * Reads the bin, and stores changes that could not be stored before. While the service is down, out of quota or answers
   * nonsense, it resolves with `isPulled: false` and the `error`, tells `onWarning`, and `current` stays as it was.
   * @throws ConfigurationError for what a person has to mend: a wrong bin, another program's document, a newer version, settings
   * that are wrong. `current` stays as it was, and the bin too.
   * @throws AuthenticationError when the key is not good for the bin.
   * @throws signal.reason itself after an abort.
   */
  pull(options?: SyncOptions): Promise<SettingsSync>
  /**
   * Changes settings: `current` has the change when the call returns, the bin when it resolves with `isPushed: true`. A push that
   * failed resolves with `isPushed: false` and the `error`, tells `onWarning`, and is made up for by the next `update` or `pull`.
   *
   * The bin is read before it is written and only the fields that changed are laid over it, but the service has no condition for
   * a write: of two processes that write in the same moment the last one wins.
   *
   * @throws ConfigurationError when the outcome would be wrong; nothing is changed then.
   * @throws signal.reason itself after an abort; the change stays in `current` and waits to be stored.
   */
  update(change: SettingsPatch | ((settings: Settings) => Settings), options?: SyncOptions): Promise<SettingsSync>
}

/** What belongs to one `pull` or `update`. */
export interface SyncOptions {
  /** Ends the request; the call then rejects with `signal.reason`. @defaultValue none */
  readonly signal?: AbortSignal | undefined
}

/** What a `pull` or an `update` came to. */
export interface SettingsSync {
  /** As `current`. */
  readonly settings: Settings
  /** Whether the bin was read. */
  readonly isPulled: boolean
  /** Whether the bin holds every change that was made before. */
  readonly isPushed: boolean
  /** Why not. */
  readonly error?: SoraPipelineError
}

const SUBJECT = 'jsonBinSettings'

/**
 * Keeps settings in a bin of JSONBin v3, so that several processes share them and a restart finds them. `pull` at the start, and
 * as often as changes of other processes are to be seen; `update` to change something. The last good copy serves while the
 * service is down, so a run never waits for it. What the bin says wins over `initial`.
 *
 * The document is `{"format":"sora-pipeline-settings","version":1,"settings":{…}}`: a bin is never blank, which the service
 * refuses, and one that holds anything else is never overwritten. Make it with `"settings":{}`. A credential is never stored: a
 * change that holds one of `secrets`, or what looks like a credential, is not pushed.
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
      // The same object while nothing changed, so that a pipeline keeps what it was built from.
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

  // One after the other, so that an answer that comes late does not replace a newer one.
  function sync({ signal = new AbortController().signal }: SyncOptions = {}): Promise<SettingsSync> {
    const before = last
    const made = (async () => {
      signal.throwIfAborted()
      await abortable(signal, before)
      return exchange(signal)
    })()
    // Also one that is given up while it waits leaves the one before it at work.
    last = Promise.allSettled([before, made])
    return made
  }

  function warn(code: string, message: string): void {
    try {
      onWarning?.({ code, message })
    } catch {
      // A listener's own failure must not cost the settings; what it was told is in the outcome too.
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
