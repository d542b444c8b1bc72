import { checkArgument } from '../contracts/check-argument.js'
import { optionProblem, throwProblems } from '../contracts/check-options.js'
import { ConfigurationError, type InputProblem } from '../contracts/input-errors.js'
import { isFields } from '../contracts/is-fields.js'
import { rule } from '../contracts/option-rules.js'
import { keyProblemOf, maskOf } from '../upstream/secret.js'
import { readSettings } from './check-settings.js'
import { JSON_BIN_VARIABLES, SECRET_VARIABLES, SETTINGS_VARIABLES } from './env-variables.js'
import type { JsonBinSettingsOptions } from './json-bin-options.js'
import { mistypedVariables } from './mistyped-variables.js'
import type { Settings, SettingsFragment } from './settings.js'
import { patchSettings } from './settings-patch.js'
import type { SettingsSecrets } from './settings-secrets.js'

/** Variables by name, such as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The result of {@link settingsFromEnv}. */
export interface EnvironmentSettings {
  /** The settings of the variables, with the defaults. */
  readonly settings: Settings
  /** The credentials of the variables. */
  readonly secrets: SettingsSecrets
  /** Options for `jsonBinSettings`. @defaultValue none, without `JSONBIN_BIN_ID` */
  readonly jsonBin?: Pick<JsonBinSettingsOptions, 'binId' | 'masterKey' | 'accessKey' | 'baseUrl'>
}

const KNOWN = [SETTINGS_VARIABLES, SECRET_VARIABLES, JSON_BIN_VARIABLES].flatMap((table) => Object.keys(table))
// It goes into a body, which may contain any characters; the others are, or may be, sent as headers.
const FREE_TEXT = 'GOOGLE_DRIVE_PASSWORD'

/**
 * Reads settings and credentials from environment variables. The library reads none automatically: pass
 * `process.env`.
 *
 * - `SORA_API` (`videos` or `chat`), `SORA_BASE_URL`, `SORA_API_KEY`, `SORA_MODEL`: the generator.
 * - `SORA_PUBLISH_BASE_URL`, `SORA_PUBLISH_TOKEN`: the publisher.
 * - `WATERMARK_FREE_ENABLED`, `WATERMARK_FREE_PARSE_METHOD` (`third_party` or `custom`), `WATERMARK_FREE_CUSTOM_URL`,
 *   `WATERMARK_FREE_CUSTOM_TOKEN`, `WATERMARK_FREE_HOSTS`, `WATERMARK_FREE_PATH`, `WATERMARK_FREE_SYNC_TIMEOUT_MS`: the URL.
 * - `GOOGLE_DRIVE_ENABLED`, `GOOGLE_DRIVE_KIND` (`url2drive` or `drive`), `GOOGLE_DRIVE_PASSWORD`, `GOOGLE_DRIVE_SPACES`,
 *   `GOOGLE_DRIVE_SPACES_TOKEN`, `GOOGLE_DRIVE_ACCESS_TOKEN`, `GOOGLE_DRIVE_FOLDER_ID`: Google Drive. Without
 *   `GOOGLE_DRIVE_ENABLED` a password or an access token switches it on; an access token alone makes the kind `drive`.
 * - `SORA_DIRECTORY`, `SORA_DIRECTORY_BASE_URL`: a directory to upload to.
 * - `SORA_GENERATE_TIMEOUT_MS`, `SORA_PUBLISH_TIMEOUT_MS`, `SORA_RESOLVE_TIMEOUT_MS`, `SORA_UPLOAD_TIMEOUT_MS`,
 *   `SORA_TOTAL_TIMEOUT_MS`: the deadlines.
 * - `JSONBIN_BIN_ID`, `JSONBIN_MASTER_KEY` or `JSONBIN_ACCESS_KEY`, `JSONBIN_BASE_URL`: the settings store.
 *
 * Yes and no are `true`, `1`, `yes`, `on`, and `false`, `0`, `no`, `off`, in any case; lists are split at commas and blanks. An
 * empty variable counts as unset. A name that looks mistyped is a problem: any unknown one that begins with `WATERMARK_FREE_` or
 * `JSONBIN_`, and one that is at most two letters away from a known one.
 *
 * @param base - Settings for variables that are not set, such as `sora2apiPreset`.
 * @throws ConfigurationError naming every variable that is wrong; no secret is shown.
 *
 * @example
 * ```ts
 * import { settingsFromEnv } from 'sora-pipeline/settings'
 *
 * const { settings, secrets } = settingsFromEnv(process.env)
 * console.log(settings.generator?.baseUrl, secrets.soraApiKey !== undefined)
 * ```
 */
export function settingsFromEnv(env: Environment, base: SettingsFragment = {}): EnvironmentSettings {
  checkEnvironment(env)
  checkArgument('settingsFromEnv', 'base', base, A_FRAGMENT)
  const given = new Map(
    Object.entries(env).flatMap(([name, value]: [string, unknown]) => {
      const text = typeof value === 'string' ? value.trim() : ''
      return text === '' ? [] : [[name, text] as const]
    }),
  )
  const secrets = pick(SECRET_VARIABLES, given)
  const jsonBin = pick(JSON_BIN_VARIABLES, given)
  const mask = maskOf([...Object.values(secrets), jsonBin.masterKey ?? '', jsonBin.accessKey ?? ''])
  const read = readSettings(patchSettings(base, settingsOf(given, base)), mask)
  const quoted = quotedValues(given)
  const isNoQuote = ({ field }: InputProblem) => !quoted.some((problem) => problem.field === field)
  const problems = [
    ...mistypedVariables([...given.keys()], KNOWN),
    ...secretProblems(given),
    ...quoted,
    ...jsonBinProblems(jsonBin),
    ...('problems' in read ? read.problems.map((problem) => nameVariable(problem, given)).filter(isNoQuote) : []),
  ]
  if (problems.length > 0 || 'problems' in read) throw new ConfigurationError('settingsFromEnv', problems)
  const { binId } = jsonBin
  return { settings: read.settings, secrets, ...(binId !== undefined && { jsonBin: { ...jsonBin, binId } }) }
}

const A_FRAGMENT = rule(isFields, 'give an object of settings, such as a part of the settings document')

function checkEnvironment(env: unknown): void {
  if (typeof env !== 'object' || env === null) {
    throwProblems('settingsFromEnv', [optionProblem('env', env, 'give an object of texts by the names of variables')])
  }
  const wrong = KNOWN.filter((name) => !['string', 'undefined'].includes(typeof Object(env)[name]))
  throwProblems(
    'settingsFromEnv',
    wrong.map((name) => ({ field: name, value: `a ${typeof Object(env)[name]}`, fix: 'give a text' })),
  )
}

function settingsOf(given: ReadonlyMap<string, string>, base: SettingsFragment): SettingsFragment {
  const hasToken = given.has('GOOGLE_DRIVE_ACCESS_TOKEN')
  const hasPassword = given.has('GOOGLE_DRIVE_PASSWORD')
  const implied = {
    ...(base.googleDrive?.isEnabled === undefined && (hasToken || hasPassword) && { isEnabled: true }),
    ...(base.googleDrive?.kind === undefined && hasToken && !hasPassword && { kind: 'drive' as const }),
  }
  return Object.entries(SETTINGS_VARIABLES).reduce<SettingsFragment>(
    (settings, [name, { section, field, read }]) => {
      const text = given.get(name)
      return text === undefined ? settings : patchSettings(settings, { [section]: { [field]: read(text) } })
    },
    Object.keys(implied).length > 0 ? { googleDrive: implied } : {},
  )
}

function pick<Key extends string>(
  table: Readonly<Record<string, Key>>,
  given: ReadonlyMap<string, string>,
): { readonly [K in Key]?: string } {
  const entries = Object.entries(table).flatMap(([name, key]) => {
    const text = given.get(name)
    return text === undefined ? [] : [[key, text]]
  })
  return Object.fromEntries(entries)
}

function secretProblems(given: ReadonlyMap<string, string>): InputProblem[] {
  const names = [...Object.keys(SECRET_VARIABLES), 'JSONBIN_MASTER_KEY', 'JSONBIN_ACCESS_KEY']
  return names.flatMap((name) => {
    const problem = given.has(name) && name !== FREE_TEXT ? keyProblemOf(given.get(name)) : undefined
    return problem === undefined ? [] : [{ field: name, value: 'unusable', fix: problem }]
  })
}

// A shell removes quotes, an env file of Docker does not. Keys have their own check.
function quotedValues(given: ReadonlyMap<string, string>): InputProblem[] {
  const names = [...Object.keys(SETTINGS_VARIABLES), FREE_TEXT, 'JSONBIN_BIN_ID', 'JSONBIN_BASE_URL']
  return names
    .filter((name) => /^(["'`]).*\1$/s.test(given.get(name) ?? ''))
    .map((field) => ({ field, value: 'in quotes', fix: 'remove the quotes around the value' }))
}

function jsonBinProblems({ binId, masterKey, accessKey }: EnvironmentKeys): InputProblem[] {
  const hasKey = masterKey !== undefined || accessKey !== undefined
  if (binId !== undefined && !hasKey) {
    const fix = 'give it or JSONBIN_ACCESS_KEY, or remove JSONBIN_BIN_ID'
    return [{ field: 'JSONBIN_MASTER_KEY', value: 'nothing', fix }]
  }
  if (masterKey !== undefined && accessKey !== undefined) {
    return [{ field: 'JSONBIN_ACCESS_KEY', value: 'given', fix: 'remove it or JSONBIN_MASTER_KEY' }]
  }
  if (binId !== undefined || !hasKey) return []
  return [{ field: 'JSONBIN_BIN_ID', value: 'nothing', fix: 'give the id of the bin, or remove the key' }]
}

type EnvironmentKeys = { readonly [Key in (typeof JSON_BIN_VARIABLES)[keyof typeof JSON_BIN_VARIABLES]]?: string }

/** Names the variable in the problem of a setting, if the setting comes from one. */
function nameVariable(problem: InputProblem, given: ReadonlyMap<string, string>): InputProblem {
  const variable = Object.entries(SETTINGS_VARIABLES).find(([, { section, field }]) => {
    return problem.field.replace(/\[\d+\]$/, '') === `${section}.${field}`
  })?.[0]
  const isFromVariable = variable !== undefined && (given.has(variable) || problem.value === 'nothing')
  return isFromVariable ? { ...problem, field: problem.field.replace(/^[^[]+/, variable) } : problem
}
