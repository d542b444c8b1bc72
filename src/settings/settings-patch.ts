import { isRecord } from '../upstream/is-record.js'
import type { Settings, SettingsFragment } from './settings.js'

/**
 * A change of settings: the fields that it contains are replaced, the others stay. `null` or `undefined` resets a
 * field, or a whole section, to its default. `{ googleDrive: { isEnabled: false }, publisher: null }`
 */
export type SettingsPatch = {
  readonly [Section in keyof SettingsFragment]?: SectionPatch<NonNullable<SettingsFragment[Section]>> | null | undefined
}

/** A change of one section of the settings, or of a single field. */
export type SectionPatch<Section> = Section extends object
  ? { readonly [Field in keyof Section]?: Section[Field] | null | undefined }
  : Section

type Fields = Readonly<Record<string, unknown>>

/** Merges a change into settings, field by field. The result is not checked yet. */
export function patchSettings(settings: SettingsFragment, patch: SettingsPatch): SettingsFragment {
  const before: Fields = { ...settings }
  const sections = Object.entries(patch).map(([name, change]: [string, unknown]) => {
    return [name, isRecord(change) ? withFields(Object.hasOwn(before, name) ? before[name] : {}, change) : change]
  })
  return withFields(settings, Object.fromEntries(sections))
}

/** The change from one to the other. */
export function differenceOf(before: Settings, after: Settings): SettingsPatch {
  return changeOf(before, after, (from, to) => JSON.stringify(from) !== JSON.stringify(to))
}

/** The whole of `after` as a change, so that it gives `after` from `before` and from any state between them. */
export function wholeOf(before: Settings, after: Settings): SettingsPatch {
  return changeOf(before, after, () => true)
}

// Built from entries, so that a key such as __proto__ stays a plain key and is refused as an unknown one.
function withFields(before: unknown, change: object): Fields {
  const fields = isRecord(before) ? Object.entries(before) : []
  const merged: Fields = Object.fromEntries([...fields, ...Object.entries(change)])
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined && value !== null))
}

function changeOf(before: object, after: object, isMeant: (from: unknown, to: unknown) => boolean): Fields {
  const [old, wanted]: readonly Fields[] = [{ ...before }, { ...after }]
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  const entries = [...names].flatMap((name) => {
    const [from, to] = [old?.[name], wanted?.[name]]
    if (!isMeant(from, to)) return []
    return [[name, isRecord(from) && isRecord(to) ? changeOf(from, to, isMeant) : (to ?? null)]]
  })
  return Object.fromEntries(entries)
}
