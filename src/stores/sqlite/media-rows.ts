import { createHash } from 'node:crypto'
import type { StoreOperations } from '../store-operations.ts'
import type { PreparedStatements } from './prepared-statements.ts'

/** The operations on bytes of runs. A trigger removes bytes with their last reference. */
export function mediaRows(sql: PreparedStatements): Pick<StoreOperations, 'putMedia' | 'getMedia' | 'dropMedia'> {
  return {
    putMedia(runId, sha256, bytes) {
      // In the worker, because hashing a large file takes long.
      const actualSha256 = createHash('sha256').update(bytes).digest('hex')
      if (actualSha256 === sha256) {
        sql('INSERT INTO media (sha256, bytes) VALUES (?, ?) ON CONFLICT DO NOTHING').run(sha256, bytes)
        sql('INSERT INTO media_refs (run_id, sha256) VALUES (?, ?) ON CONFLICT DO NOTHING').run(runId, sha256)
      }
      return { actualSha256 }
    },
    getMedia(sha256) {
      const bytes = sql('SELECT bytes FROM media WHERE sha256 = ?').get(sha256)?.bytes
      return bytes instanceof Uint8Array ? bytes : undefined
    },
    dropMedia(runId) {
      sql('DELETE FROM media_refs WHERE run_id = ?').run(runId)
    },
  }
}
