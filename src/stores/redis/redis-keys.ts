/**
 * The keys of a store. All have one hash tag, so that they lie in one slot of a cluster, and none is made of what a caller gives.
 *
 * Hashes by run: `versions`; `states`, JSON; `fields`, see `redis-fields.ts`; `readings`, with the time of the reschedule;
 * `reports`. Hashes by others: `meta`; `beats` by worker; `claims`, the run by the digest of namespace and key; `media`, bytes by
 * their digest; `limits`, the places of a limit by its name; `notes` by namespace and key. Sorted sets in the order of bytes: `due`,
 * `listed`, `claimants`, `refs` and `dueNotes`; by a time: `ended`, `retained`, `released`, `noteEnds`.
 */
export const KEY_NAMES = [
  'meta',
  'versions',
  'states',
  'fields',
  'readings',
  'reports',
  'due',
  'listed',
  'ended',
  'retained',
  'claims',
  'claimants',
  'released',
  'beats',
  'media',
  'refs',
  'notes',
  'dueNotes',
  'noteEnds',
  'limits',
] as const

/** The name of a key. */
export type KeyName = (typeof KEY_NAMES)[number]

/** The key of a store with a prefix. */
export function keyOf(prefix: string, name: KeyName): string {
  return `{${prefix}}:${name}`
}
