import { describeValue } from '../contracts/errors.js'
import { ConfigurationError, type InputProblem } from '../contracts/input-errors.js'
import type { JsonObject } from '../contracts/json.js'
import { redact } from '../contracts/secrets/redact.js'
import { isRecord } from '../upstream/is-record.js'
import { holdsSecret } from '../upstream/secret.js'
import { newerVersionProblem } from './check-settings.js'
import type { Settings } from './settings.js'
import { type SettingsPatch, wholeOf } from './settings-patch.js'

/**
 * The document of settings in a bin. The wrapping identifies the program, and keeps the document from being blank,
 * which the service refuses.
 */
export type JsonBinDocument = {
  readonly format: 'sora-pipeline-settings'
  readonly version: 1
  readonly settings: JsonObject
}

const FORMAT = 'sora-pipeline-settings'
// The samples that the service's own examples put into a new bin.
const SAMPLE = '{"sample":"Hello World"}'
const EMPTY = `{"format":"${FORMAT}","version":1,"settings":{}}`
// A shorter secret may be an ordinary word of the settings; it is refused only as a whole value.
const SHORTEST_PART = 8

/**
 * Wraps all settings, with `null` for fields of `initial` that were removed, so that no reader restores them from
 * there.
 */
export function wrapSettings(settings: Settings, initial: Settings): JsonBinDocument {
  return { format: FORMAT, version: 1, settings: wholeOf(initial, settings) as JsonObject }
}

/**
 * The content of a document of this library, as a change of the initial settings; its fields are unchecked. A new bin
 * with the service's sample counts as an empty document.
 * @throws ConfigurationError for another program's document and one of a newer version. Its content is not shown.
 */
export function unwrapSettings(record: unknown): SettingsPatch {
  if (JSON.stringify(record) === SAMPLE) return {}
  const problem = isOurs(record) ? newerVersionProblem('version', record.version) : foreignProblem(record)
  if (problem !== undefined) throw new ConfigurationError('jsonBinSettings', [problem])
  return (record as { readonly settings?: SettingsPatch }).settings ?? {}
}

/**
 * Refuses to store secrets.
 * @throws ConfigurationError naming each field that contains a secret, or looks like one.
 */
export function refuseSecrets(settings: Settings, secrets: readonly string[]): void {
  const fix = 'remove the credential from the settings, and give it in the secrets'
  const problems = leavesOf(settings, '').flatMap(({ field, text }) =>
    isSecret(text, secrets) ? [{ field, value: 'a secret', fix }] : [],
  )
  if (problems.length > 0) throw new ConfigurationError('jsonBinSettings', problems)
}

function isOurs(record: unknown): record is Readonly<Record<string, unknown>> {
  return isRecord(record) && record.format === FORMAT && (record.settings === undefined || isRecord(record.settings))
}

function foreignProblem(record: unknown): InputProblem {
  const fix = `name a bin that holds ${EMPTY}; this one is unchanged`
  return {
    field: 'binId',
    value: `the id of a bin with ${describeValue(describableOf(record))} of another program`,
    fix,
  }
}

// No part of a foreign document is shown.
function describableOf(record: unknown): unknown {
  return typeof record === 'object' ? record : Object(record)
}

function isSecret(text: string, secrets: readonly string[]): boolean {
  const long = secrets.filter((secret) => secret.length >= SHORTEST_PART)
  // Host names may look like keys.
  const rest = text.replace(/^(https?:\/\/)?[\w-]+(\.[\w-]+)+/i, '')
  return secrets.includes(text) || holdsSecret(text, long) || redact(rest) !== rest
}

function leavesOf(value: unknown, field: string): { readonly field: string; readonly text: string }[] {
  if (typeof value === 'string') return [{ field, text: value }]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => {
    const place = Array.isArray(value) ? `[${key}]` : `${field === '' ? '' : '.'}${key}`
    return leavesOf(inner, `${field}${place}`)
  })
}
