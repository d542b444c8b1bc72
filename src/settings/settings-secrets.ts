import { checkOptions, type OptionRules } from '../contracts/check-options.js'
import { ruleOf } from '../contracts/option-rules.js'
import { credential } from '../strategies/option-rules.js'
import type { ApiCredential } from '../upstream/secret.js'

/**
 * The credentials beside {@link Settings}. They are kept apart so that a settings document can be shown, stored and synced:
 * none of them is ever in it.
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
  /** Hugging Face token for Spaces that are private; it is sent to each of them. @defaultValue none */
  readonly huggingFaceToken?: ApiCredential | undefined
  /** Access token of Google Drive. It lasts an hour, so give a function that renews it. @defaultValue none */
  readonly googleDriveAccessToken?: ApiCredential | undefined
}

const RULES: OptionRules<SettingsSecrets> = {
  soraApiKey: credential,
  publishToken: credential,
  customParseToken: credential,
  // It goes into a body, which carries any characters.
  googleDrivePassword: ruleOf((field, value) =>
    typeof value === 'function' || typeof value === 'string'
      ? undefined
      : { field, value: 'unusable', fix: 'give a text, or a function that gives one' },
  ),
  huggingFaceToken: credential,
  googleDriveAccessToken: credential,
}

/**
 * Checks the names of credentials and their forms.
 * @throws ConfigurationError naming every problem; no value is shown.
 */
export function checkSettingsSecrets(secrets: SettingsSecrets): void {
  checkOptions('pipelineFromSettings', secrets, RULES)
}

/** The values that are known; what a function would give is not asked for. */
export function secretValues(secrets: object): string[] {
  return Object.values(secrets).filter((value): value is string => typeof value === 'string' && value !== '')
}
