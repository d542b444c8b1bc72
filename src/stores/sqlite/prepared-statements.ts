import type { DatabaseSync, StatementSync } from 'node:sqlite'

/** Returns the prepared statement of a text; each text is prepared once. */
export type PreparedStatements = (text: string) => StatementSync

/** Prepares statements of a database. */
export function preparedStatements(database: DatabaseSync): PreparedStatements {
  const prepared = new Map<string, StatementSync>()
  return (text) => {
    const statement = prepared.get(text) ?? database.prepare(text)
    prepared.set(text, statement)
    return statement
  }
}
