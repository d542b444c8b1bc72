export type { JsonBinSettingsOptions } from './json-bin-options.js'
export { type JsonBinSettings, jsonBinSettings, type SettingsSync, type SyncOptions } from './json-bin-settings.js'
export {
  pipelineFromSettings,
  type SettingsPipeline,
  type SettingsPipelineOptions,
} from './pipeline-from-settings.js'
export type {
  DeadlineSettings,
  DirectorySettings,
  GeneratorSettings,
  GoogleDriveSettings,
  LiveSettings,
  MirrorSettings,
  PublisherSettings,
  Settings,
  SettingsFragment,
  WatermarkFreeSettings,
} from './settings.js'
export { type Environment, type EnvironmentSettings, settingsFromEnv } from './settings-from-env.js'
export type { SettingsPatch } from './settings-patch.js'
export { settingsSchema } from './settings-schema.js'
export type { SettingsSecrets } from './settings-secrets.js'
export type { SettingsWarning } from './settings-warning.js'
export { sora2apiPreset } from './sora2api-preset.js'
