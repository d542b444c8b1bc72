import { checkOptions, type OptionRules } from '../contracts/check-options.js'
import { ruleOf } from '../contracts/option-rules.js'
import { credential } from '../strategies/option-rules.js'
import type { ApiCredential } from '../upstream/secret.js'

/**
 * The credentials for {@link Settings}. They are separate, so that a settings document can be shown, stored and
 * synced without them.
 */
export interface SettingsSecrets {
  /** Key of the generator. @defaultValue none */
  readonly soraApiKey?: ApiCredential | undefined
  /** Token of the publisher. @defaultValue none */
  readonly publishToken?: ApiCredential | undefined
  /** Token of the parse server. @defaultValue none */
  readonly customParseToken?: ApiCredential | undefined
  /** Password of the url2drive Spaces. @defaultValue none */
  readonly googleDrivePassword?: ApiCredential | undefined
  /** Hugging Face token for private Spaces; it is sent to each of them. @defaultValue none */
  readonly huggingFaceToken?: ApiCredential | undefined
  /** Access token of Google Drive. It expires after an hour, so give a function that renews it. @defaultValue none */
  readonly googleDriveAccessToken?: ApiCredential | undefined
}

const RULES: OptionRules<SettingsSecrets> = {
  soraApiKey: credential,
  publishToken: credential,
  customParseToken: credential,
  // It goes into a body, which may contain any characters.
  googleDrivePassword: ruleOf((field, value) =>
    typeof value === 'function' || typeof value === 'string'
      ? undefined
      : { field, value: 'unusable', fix: 'give a text, or a function that returns one' },
  ),
  huggingFaceToken: credential,
  googleDriveAccessToken: credential,
}

/**
 * Checks the names and the formats of credentials.
 * @throws ConfigurationError naming every problem; no value is shown.
 */
export function checkSettingsSecrets(secrets: SettingsSecrets): void {
  checkOptions('pipelineFromSettings', secrets, RULES)
}

/** The known values; functions are not called. */
export function secretValues(secrets: object): string[] {
  return Object.values(secrets).filter((value): value is string => typeof value === 'string' && value !== '')
}
