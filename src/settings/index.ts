export type { BeforeSubmit, BeforeSubmitContext } from '../contracts/before-submit.js'
export type { Clock } from '../contracts/clock.js'
export type { DiagnosableStore } from '../contracts/diagnosable-store.js'
export type { SoraPipelineError } from '../contracts/errors.js'
export type { PipelineEvent } from '../contracts/events.js'
export type { Generator } from '../contracts/generator.js'
export type { PollSchedule } from '../contracts/poll-schedule.js'
export type { VideoRequest } from '../contracts/request.js'
export type { PipelineResult } from '../contracts/result.js'
export type { RunStore } from '../contracts/run-store.js'
export type { StageWarning } from '../contracts/stage.js'
export type { Deadlines } from '../pipeline/deadlines.js'
export type { Logger } from '../pipeline/log-event.js'
export type { SoraPipelineOptions } from '../pipeline/options.js'
export type { PipelineRun } from '../pipeline/pipeline-run.js'
export type { RunLimits } from '../pipeline/run-limits.js'
export type { RunOptions } from '../pipeline/run-options.js'
export type { SoraPipeline } from '../pipeline/sora-pipeline.js'
export type { OpenUrl } from '../pipeline/video/open-url.js'
export type { AllowPrivateAddresses } from '../upstream/download/allowed-destinations.js'
export type { Fetch } from '../upstream/outgoing-request.js'
export type { ApiCredential } from '../upstream/secret.js'
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
export type { SectionPatch, SettingsPatch } from './settings-patch.js'
export { settingsSchema } from './settings-schema.js'
export type { SettingsSecrets } from './settings-secrets.js'
export type { SettingsWarning } from './settings-warning.js'
export { sora2apiPreset } from './sora2api-preset.js'
