/**
 * What `postgresStore` uses of a pool: `new Pool()` of `pg` fits. Not a single client, which stays broken once its connection is.
 */
export interface PostgresPool {
  readonly totalCount: number
  query(text: string, values?: unknown[]): Promise<PostgresResult>
  connect(): Promise<PostgresConnection>
  on(event: 'error', listener: (error: Error) => void): unknown
}

/** One connection of a {@link PostgresPool}, for a transaction. */
export interface PostgresConnection {
  query(text: string, values?: unknown[]): Promise<PostgresResult>
  on(event: 'error', listener: (error: Error) => void): unknown
  off(event: 'error', listener: (error: Error) => void): unknown
  /** Gives the connection back; with `true` it is closed. */
  release(destroy?: boolean): void
}

/** What a {@link PostgresPool} answers. */
export interface PostgresResult {
  readonly rows: readonly unknown[]
}
