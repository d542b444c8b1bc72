import { checkMedia } from './store-input.js'

/** Bytes that runs refer to, each kept once. */
export interface MemoryMedia {
  put(runId: string, sha256: string, bytes: Uint8Array): void
  get(sha256: string): Uint8Array | undefined
  drop(runId: string): void
}

/** Creates an empty set of media. */
export function memoryMedia(): MemoryMedia {
  const kept = new Map<string, { readonly bytes: Uint8Array; readonly runs: Set<string> }>()
  const refs = new Map<string, Set<string>>()
  return {
    put(runId, sha256, bytes) {
      checkMedia(sha256, bytes)
      const known = kept.get(sha256) ?? { bytes: new Uint8Array(bytes), runs: new Set() }
      known.runs.add(runId)
      kept.set(sha256, known)
      refs.set(runId, (refs.get(runId) ?? new Set()).add(sha256))
    },
    get: (sha256) => kept.get(sha256)?.bytes.slice(),
    drop(runId) {
      for (const sha256 of refs.get(runId) ?? []) {
        const runs = kept.get(sha256)?.runs
        runs?.delete(runId)
        if (runs?.size === 0) kept.delete(sha256)
      }
      refs.delete(runId)
    },
  }
}
