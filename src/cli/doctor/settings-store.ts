import type { JsonBinSettings, LiveSettings, SettingsFragment } from 'sora-pipeline/settings'
import { toErrorJson } from '../../contracts/errors.js'
import type { SettingsStoreReport } from './report.js'

/** Reads settings that are kept elsewhere, as with `jsonBinSettings`; `undefined` for settings that are values. */
export async function pulledSettings(
  settings: SettingsFragment | LiveSettings,
  problems: string[],
): Promise<SettingsStoreReport | undefined> {
  const { pull, update, current } = settings as Partial<JsonBinSettings>
  if (typeof pull !== 'function' || typeof update !== 'function')
    return current === undefined ? undefined : { kind: 'custom', isReached: true }
  const startedAt = performance.now()
  const durationMs = () => Math.round(performance.now() - startedAt)
  try {
    const { isPulled, error } = await (settings as JsonBinSettings).pull()
    if (isPulled) return { kind: 'jsonbin', isReached: true, durationMs: durationMs() }
    throw error
  } catch (error) {
    const { message } = toErrorJson(error)
    problems.push(message)
    return { kind: 'jsonbin', isReached: false, error: message }
  }
}

/** The values of settings as they are now. */
export function valuesOfSettings(settings: SettingsFragment | LiveSettings): SettingsFragment {
  return 'current' in settings ? settings.current : settings
}
