import { checkOptions, type OptionRules } from '../contracts/check-options.js'
import { ruleOf } from '../contracts/option-rules.js'
import { credential } from '../strategies/option-rules.js'
import type { Credential } from '../upstream/secret.js'

/**
 * The credentials beside {@link Settings}. They are kept apart so that a settings document can be shown, stored and synced:
 * none of them is ever in it.
 */
export interface SettingsSecrets {
  /** Key of the generator. */
  readonly soraApiKey?: Credential | undefined
  /** Token of the publisher. */
  readonly publishToken?: Credential | undefined
  /** Token of the parse server. */
  readonly customParseToken?: Credential | undefined
  /** Password of the url2drive Spaces. */
  readonly googleDrivePassword?: Credential | undefined
  /** Hugging Face token for Spaces that are private; it is sent to each of them. */
  readonly huggingFaceToken?: Credential | undefined
  /** Access token of Google Drive. It lasts an hour, so give a function that renews it. */
  readonly googleDriveAccessToken?: Credential | undefined
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
