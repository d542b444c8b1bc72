import type * as z from 'zod/mini'
import { describeValue } from '../contracts/errors.js'
import { ConfigurationError, type InputProblem } from '../contracts/input-errors.js'
import { isRecord } from '../upstream/is-record.js'
import { type Mask, maskOf } from '../upstream/secret.js'
import type { Settings } from './settings.js'
import { settingsSchema } from './settings-schema.js'

/** The origin of settings, for the error. */
export interface SettingsOrigin {
  /** The subject of the error, such as `settingsFromEnv`. */
  readonly subject: string
  /** Removes secrets from the values that are shown. */
  readonly mask?: Mask | undefined
}

/**
 * Reads unchecked settings, and fills in the defaults.
 * @throws ConfigurationError naming every problem; for settings of a newer version, only the version.
 */
export function checkSettings(value: unknown, origin: SettingsOrigin): Settings {
  const read = readSettings(value, origin.mask)
  if ('problems' in read) throw new ConfigurationError(origin.subject, read.problems)
  return read.settings
}

/** Reads unchecked settings: returns them with the defaults, or every problem. */
export function readSettings(
  value: unknown,
  mask: Mask = maskOf([]),
): { readonly settings: Settings } | { readonly problems: readonly InputProblem[] } {
  const newer = newerVersionProblem('version', isRecord(value) ? value.version : undefined)
  if (newer !== undefined) return { problems: [newer] }
  const parsed = settingsSchema.safeParse(value)
  if (parsed.success) return { settings: parsed.data }
  return { problems: parsed.error.issues.flatMap((issue) => problemsOf(issue, value, mask)) }
}

/** The problem of a version that this library does not know yet. */
export function newerVersionProblem(field: string, version: unknown): InputProblem | undefined {
  if (typeof version !== 'number' || !(version > 1)) return undefined
  return { field, value: String(version), fix: 'update sora-pipeline, which knows version 1; nothing was changed' }
}

function problemsOf(issue: z.core.$ZodIssue, value: unknown, mask: Mask): InputProblem[] {
  const { path, message } = issue
  if (issue.code !== 'unrecognized_keys')
    return [{ field: fieldOf(path), value: shown(valueAt(value, path), mask), fix: message }]
  const fix = 'remove it: it is not a setting, and credentials do not belong here'
  return issue.keys.map((key) => ({ field: mask(fieldOf([...path, key])), value: 'unknown', fix }))
}

function fieldOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'settings'
  return path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index > 0 ? '.' : ''}${String(key)}`))
    .join('')
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Readonly<Record<PropertyKey, unknown>> | undefined)?.[key], value)
}

// User name, password and query of an address may also be secret.
function shown(value: unknown, mask: Mask): string {
  const plain = typeof value === 'string' ? value.replace(/\/\/[^/]*@/, '//').replace(/[?#].*/s, '') : value
  return mask(describeValue(plain))
}
