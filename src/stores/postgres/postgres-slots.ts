import type { ServerOperations } from '../server-store.js'
import type { Sql } from './postgres-queries.js'
import { NOW_MS } from './postgres-runs.js'

/** The operations on the places of limits. A limit is one row, so that an update sees what the one before it has written. */
export function postgresSlots(
  sql: Sql,
  schema: string,
): Pick<ServerOperations, 'takeSlot' | 'keepSlots' | 'restSlots'> {
  // Values: limit, holder, most, ttlMs, jobs, perMs.
  const take = `
    UPDATE ${schema}.limits SET (holders, starts) = (
      SELECT CASE WHEN is_taken THEN live || jsonb_build_object($2::text, now + $4::float8) ELSE live END,
        CASE WHEN is_taken AND NOT live ? $2::text THEN recent || to_jsonb(now) ELSE recent END
      FROM (
        SELECT *, live ? $2::text OR (rests_until <= now AND (SELECT count(*) FROM jsonb_object_keys(live)) < $3::float8
          AND jsonb_array_length(recent) < $5::float8) AS is_taken
        FROM (
          SELECT now,
            (SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(holders) WHERE value::float8 > now) AS live,
            (SELECT coalesce(jsonb_agg(value ORDER BY value::float8), '[]') FROM jsonb_array_elements(starts)
              WHERE value::float8 > now - $6::float8) AS recent
          FROM (SELECT ${NOW_MS} AS now) AS clock
        ) AS counted
      ) AS decided
    ) WHERE name = $1
    RETURNING (holders ? $2::text)::text AS is_taken, greatest(0, rests_until - ${NOW_MS},
      CASE WHEN jsonb_array_length(starts) < $5::float8 THEN 0 ELSE (starts ->> 0)::float8 + $6::float8 - ${NOW_MS} END
    )::text AS wait_ms`

  // Values: limit, holders, ttlMs.
  const keep = `
    UPDATE ${schema}.limits SET holders = (holders - $2::text[]) || CASE WHEN $3::float8 > 0 THEN (
      SELECT coalesce(jsonb_object_agg(holder, ${NOW_MS} + $3::float8), '{}') FROM unnest($2::text[]) AS holder
    ) ELSE '{}' END WHERE name = $1 RETURNING 1`

  const rest = `
    UPDATE ${schema}.limits SET rests_until = greatest(rests_until, ${NOW_MS} + $2::float8) WHERE name = $1 RETURNING 1`

  const change = async (text: string, [limit, ...values]: readonly [string, ...unknown[]]) => {
    for (;;) {
      const [row] = await sql(text, [limit, ...values])
      if (row !== undefined) return row
      await sql(`INSERT INTO ${schema}.limits (name) VALUES ($1) ON CONFLICT DO NOTHING`, [limit])
    }
  }

  return {
    async takeSlot(limit, holder, { most, ttlMs, jobs, perMs }) {
      const row = await change(take, [limit, holder, most, ttlMs, jobs, perMs])
      const isTaken = row.is_taken === 'true'
      return { isTaken, waitMs: isTaken ? 0 : Number(row.wait_ms) }
    },
    async keepSlots(limit, holders, ttlMs) {
      await change(keep, [limit, holders, ttlMs])
    },
    async restSlots(limit, ms) {
      await change(rest, [limit, ms])
    },
  }
}
