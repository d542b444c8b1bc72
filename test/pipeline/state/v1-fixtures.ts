import { readdirSync, readFileSync } from 'node:fs'
import type { StoredRun } from '../../../src/index.js'

const FOLDER = new URL('../../fixtures/runs-v1/', import.meta.url)

/** A state as version 0.1.0 saved it. */
export interface V1Run {
  readonly kind: string
  readonly state: StoredRun & { readonly id: string }
}

/** Every recorded state of version 1, by its kind; each call reads them again. */
export function v1Runs(): readonly V1Run[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as V1Run)
}

/** The recorded state of a kind. */
export function v1State(kind: string): V1Run['state'] {
  return (JSON.parse(readFileSync(new URL(`${kind}.json`, FOLDER), 'utf8')) as V1Run).state
}
