import type { StageWarning } from '../contracts/stage.js'

/** A feature of the chain that is switched on but omitted, because something is missing. */
export interface SettingsWarning extends StageWarning {
  /** The omitted feature, and what it lacks. */
  readonly code:
    | 'google-drive-without-password'
    | 'google-drive-without-spaces'
    | 'google-drive-without-access-token'
    | 'watermark-free-without-publisher'
    | 'watermark-free-without-mirrors'
    | 'watermark-free-without-parse-server'
}

const MISSING: Readonly<Record<SettingsWarning['code'], readonly [field: string, variable: string]>> = {
  'google-drive-without-password': ['googleDrivePassword of the secrets', 'GOOGLE_DRIVE_PASSWORD'],
  'google-drive-without-spaces': ['googleDrive.spaces', 'GOOGLE_DRIVE_SPACES'],
  'google-drive-without-access-token': ['googleDriveAccessToken of the secrets', 'GOOGLE_DRIVE_ACCESS_TOKEN'],
  'watermark-free-without-publisher': ['publisher.baseUrl', 'SORA_PUBLISH_BASE_URL'],
  'watermark-free-without-mirrors': ['mirrors.hosts', 'WATERMARK_FREE_HOSTS'],
  'watermark-free-without-parse-server': ['watermarkFree.customUrl', 'WATERMARK_FREE_CUSTOM_URL'],
}

/** Creates the warning for a missing value. */
export function settingsWarning(code: SettingsWarning['code']): SettingsWarning {
  const [field, variable] = MISSING[code]
  const part = code.startsWith('google-drive') ? 'Google Drive' : 'Watermark-free mode'
  return { code, message: `${part} is switched on but omitted: give ${field} (${variable})` }
}
