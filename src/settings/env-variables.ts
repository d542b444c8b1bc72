import type { Settings } from './settings.js'
import type { SettingsSecrets } from './settings-secrets.js'

/** A variable for a setting, and how its text is parsed. An unreadable value stays a text, which the schema refuses. */
export interface SettingsVariable {
  readonly section: Exclude<keyof Settings, 'version'>
  readonly field: string
  readonly read: (text: string) => unknown
}

/** The variables for settings. */
export const SETTINGS_VARIABLES: Readonly<Record<string, SettingsVariable>> = {
  SORA_API: variable('generator', 'kind', readApi),
  SORA_BASE_URL: variable('generator', 'baseUrl'),
  SORA_MODEL: variable('generator', 'model'),
  SORA_PUBLISH_BASE_URL: variable('publisher', 'baseUrl'),
  SORA_DIRECTORY: variable('directory', 'path'),
  SORA_DIRECTORY_BASE_URL: variable('directory', 'publicBaseUrl'),
  SORA_GENERATE_TIMEOUT_MS: variable('deadlines', 'generateMs', readNumber),
  SORA_PUBLISH_TIMEOUT_MS: variable('deadlines', 'publishMs', readNumber),
  SORA_RESOLVE_TIMEOUT_MS: variable('deadlines', 'resolveMs', readNumber),
  SORA_UPLOAD_TIMEOUT_MS: variable('deadlines', 'uploadMs', readNumber),
  SORA_TOTAL_TIMEOUT_MS: variable('deadlines', 'totalMs', readNumber),
  WATERMARK_FREE_ENABLED: variable('watermarkFree', 'isEnabled', readBoolean),
  WATERMARK_FREE_PARSE_METHOD: variable('watermarkFree', 'parseMethod', (text) => text.toLowerCase()),
  WATERMARK_FREE_CUSTOM_URL: variable('watermarkFree', 'customUrl'),
  WATERMARK_FREE_HOSTS: variable('mirrors', 'hosts', readList),
  WATERMARK_FREE_PATH: variable('mirrors', 'path'),
  WATERMARK_FREE_SYNC_TIMEOUT_MS: variable('mirrors', 'syncTimeoutMs', readNumber),
  GOOGLE_DRIVE_ENABLED: variable('googleDrive', 'isEnabled', readBoolean),
  GOOGLE_DRIVE_KIND: variable('googleDrive', 'kind', (text) => text.toLowerCase()),
  GOOGLE_DRIVE_SPACES: variable('googleDrive', 'spaces', readList),
  GOOGLE_DRIVE_FOLDER_ID: variable('googleDrive', 'folderId'),
}

/** The variables for secrets of the chain. */
export const SECRET_VARIABLES: Readonly<Record<string, keyof SettingsSecrets>> = {
  SORA_API_KEY: 'soraApiKey',
  SORA_PUBLISH_TOKEN: 'publishToken',
  WATERMARK_FREE_CUSTOM_TOKEN: 'customParseToken',
  GOOGLE_DRIVE_PASSWORD: 'googleDrivePassword',
  GOOGLE_DRIVE_SPACES_TOKEN: 'huggingFaceToken',
  GOOGLE_DRIVE_ACCESS_TOKEN: 'googleDriveAccessToken',
}

/** The variables of the settings store. */
export const JSON_BIN_VARIABLES = {
  JSONBIN_BIN_ID: 'binId',
  JSONBIN_MASTER_KEY: 'masterKey',
  JSONBIN_ACCESS_KEY: 'accessKey',
  JSONBIN_BASE_URL: 'baseUrl',
} as const

const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  1: true,
  yes: true,
  on: true,
  false: false,
  0: false,
  no: false,
  off: false,
}
const APIS: Readonly<Record<string, string>> = { videos: 'videos-api', chat: 'chat-completions' }

function variable(section: SettingsVariable['section'], field: string, read = (text: string): unknown => text) {
  return { section, field, read }
}

function readBoolean(text: string): unknown {
  const word = text.toLowerCase()
  return Object.hasOwn(BOOLEANS, word) ? BOOLEANS[word] : text
}

function readApi(text: string): unknown {
  const word = text.toLowerCase()
  return Object.hasOwn(APIS, word) ? APIS[word] : word
}

function readNumber(text: string): unknown {
  return /^\d{1,15}$/.test(text) ? Number(text) : text
}

function readList(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((item) => item !== '')
}
