import { claimDigest } from '../server-store.js'
import type { NoteOperations } from '../stored-notes.js'
import type { Row, Sql } from './postgres-queries.js'
import { NOW_MS } from './postgres-runs.js'

// How many expired notes a save removes.
const MOST_SWEPT = 8

/** The operations on notes, by the clock of the server. Each save has a version of its own: the next one of all notes. */
export function postgresNotes(sql: Sql, schema: string): NoteOperations {
  const swept = `
    WITH swept AS (
      DELETE FROM ${schema}.notes WHERE digest IN (
        SELECT digest FROM ${schema}.notes WHERE expires_at <= ${NOW_MS} AND digest <> decode($1, 'hex')
        ORDER BY expires_at LIMIT ${MOST_SWEPT} FOR UPDATE SKIP LOCKED
      )
    )`
  const create = `${swept}
    INSERT INTO ${schema}.notes (digest, namespace, key, value, due_at, expires_at)
    VALUES (decode($1, 'hex'), $2, $3, $4, ${NOW_MS} + $5::float8, ${NOW_MS} + $6::float8)
    ON CONFLICT (digest) DO UPDATE SET version = excluded.version, value = excluded.value, due_at = excluded.due_at,
      expires_at = excluded.expires_at
    WHERE notes.expires_at <= ${NOW_MS} RETURNING version::text`
  const replace = `${swept}
    UPDATE ${schema}.notes SET version = DEFAULT, value = $2, due_at = ${NOW_MS} + $3::float8,
      expires_at = ${NOW_MS} + $4::float8
    WHERE digest = decode($1, 'hex') AND version = $5::bigint AND expires_at > ${NOW_MS} RETURNING version::text`
  const read = `
    SELECT version::text, value FROM ${schema}.notes WHERE digest = decode($1, 'hex') AND expires_at > ${NOW_MS}`
  const due = (isAfter: boolean) => `
    SELECT key FROM ${schema}.notes
    WHERE namespace = $1 AND due_at <= ${NOW_MS} AND expires_at > ${NOW_MS} ${
      isAfter
        ? `AND (due_at, digest) >
            (SELECT due_at, digest FROM ${schema}.notes WHERE digest = decode($3, 'hex') AND expires_at > ${NOW_MS})`
        : ''
    }
    ORDER BY due_at, digest LIMIT $2::bigint`

  const versionIn = ([row]: readonly Row[]) => (row === undefined ? undefined : Number(row.version))

  return {
    async readNote(namespace, key) {
      const [row] = await sql(read, [claimDigest(namespace, key)])
      return row && { version: Number(row.version), value: String(row.value) }
    },
    async saveNote(namespace, key, version, { value, dueInMs, expiresInMs }) {
      const digest = claimDigest(namespace, key)
      return version === 0
        ? versionIn(await sql(create, [digest, namespace, key, value, dueInMs, expiresInMs]))
        : versionIn(await sql(replace, [digest, value, dueInMs, expiresInMs, version]))
    },
    async dueNotes({ namespace, limit, after }) {
      const given = after === undefined ? [] : [claimDigest(namespace, after)]
      const rows = await sql(due(after !== undefined), [namespace, limit, ...given])
      return rows.map(({ key }) => String(key))
    },
  }
}
