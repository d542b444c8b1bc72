/** Newest schema version, which is written into the file. A file with a later version is refused. */
export const SCHEMA_VERSION = 2

/** The migration from each schema version to the next; an empty file has version 0. */
export const UPGRADES: readonly string[] = [
  `
  CREATE TABLE runs (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, status TEXT NOT NULL, wake_at REAL NOT NULL, state TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX due_runs ON runs (wake_at) WHERE status = 'running';
  CREATE TABLE claims (
    namespace TEXT NOT NULL, key TEXT NOT NULL, run_id TEXT NOT NULL, PRIMARY KEY (namespace, key)
  ) WITHOUT ROWID;
  `,
  // A broken state stays unchanged: loading it reports it. An owner is kept in the form of ids.
  `
  ALTER TABLE runs ADD COLUMN started_at REAL NOT NULL DEFAULT 0;
  ALTER TABLE runs ADD COLUMN owner TEXT;
  ALTER TABLE runs ADD COLUMN removed_at REAL;
  UPDATE runs SET
    started_at = CASE json_type(state, '$.startedAt') WHEN 'integer' THEN state ->> '$.startedAt'
      WHEN 'real' THEN state ->> '$.startedAt' ELSE 0 END,
    owner = CASE json_type(state, '$.owner') WHEN 'text' THEN substr(state -> '$.owner', 2, length(state -> '$.owner') - 2) END,
    removed_at = CASE json_type(state, '$.removedAt') WHEN 'integer' THEN state ->> '$.removedAt'
      WHEN 'real' THEN state ->> '$.removedAt' END
    WHERE json_valid(state);
  CREATE INDEX listed_runs ON runs (started_at, id) WHERE removed_at IS NULL;
  CREATE INDEX owned_runs ON runs (owner, started_at, id) WHERE removed_at IS NULL;
  `,
]

/**
 * Additions without a new schema version, so that a process of library version 0.1.0 can still open the file. Such a process
 * saves a run without these columns, so each column counts only while the version beside it is that of the run: `fields_version`
 * for `worker`, `ended_at` and `is_caller_id`, `scheduled_version` for `readings` and a `wake_at` other than that of the state,
 * `retained_version` for a run of which only `retainedRun` is left. The claims have the three columns that 0.1.0 inserts without
 * their names.
 */
export const ADDITIONS: ReadonlyMap<string, string> = new Map([
  ['runs.fields_version', 'ALTER TABLE runs ADD COLUMN fields_version INTEGER'],
  ['runs.worker', 'ALTER TABLE runs ADD COLUMN worker TEXT'],
  ['runs.ended_at', 'ALTER TABLE runs ADD COLUMN ended_at REAL NOT NULL DEFAULT 0'],
  ['runs.is_caller_id', 'ALTER TABLE runs ADD COLUMN is_caller_id INTEGER NOT NULL DEFAULT 0'],
  ['runs.scheduled_version', 'ALTER TABLE runs ADD COLUMN scheduled_version INTEGER'],
  ['runs.readings', 'ALTER TABLE runs ADD COLUMN readings TEXT'],
  ['runs.retained_version', 'ALTER TABLE runs ADD COLUMN retained_version INTEGER'],
  [
    'ended_runs',
    `CREATE INDEX ended_runs ON runs (ended_at)
      WHERE status IN ('completed', 'failed') AND retained_version IS NOT version`,
  ],
  [
    'unread_runs',
    `CREATE INDEX unread_runs ON runs (version)
      WHERE status IN ('completed', 'failed') AND fields_version IS NOT version`,
  ],
  ['retained_runs', 'CREATE INDEX retained_runs ON runs (ended_at) WHERE retained_version = version'],
  [
    'beats',
    // A number is never reused, also after its row was removed.
    `CREATE TABLE beats (
      number INTEGER PRIMARY KEY AUTOINCREMENT, worker TEXT NOT NULL UNIQUE, ttl_ms REAL NOT NULL, expires_at REAL NOT NULL
    )`,
  ],
  [
    'reports',
    'CREATE TABLE reports (run_id TEXT PRIMARY KEY, worker TEXT NOT NULL, progress TEXT NOT NULL) WITHOUT ROWID',
  ],
  ['media', 'CREATE TABLE media (sha256 TEXT NOT NULL UNIQUE, bytes BLOB NOT NULL)'],
  [
    'media_refs',
    'CREATE TABLE media_refs (run_id TEXT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (run_id, sha256)) WITHOUT ROWID',
  ],
  ['media_runs', 'CREATE INDEX media_runs ON media_refs (sha256)'],
  [
    'drop_media',
    `CREATE TRIGGER drop_media AFTER DELETE ON media_refs
      WHEN NOT EXISTS (SELECT 1 FROM media_refs WHERE sha256 = OLD.sha256)
      BEGIN DELETE FROM media WHERE sha256 = OLD.sha256; END`,
  ],
  [
    'drop_run',
    // Triggers, so that a DELETE by hand also leaves no data behind.
    `CREATE TRIGGER drop_run AFTER DELETE ON runs
      BEGIN DELETE FROM reports WHERE run_id = OLD.id; DELETE FROM media_refs WHERE run_id = OLD.id; END`,
  ],
  ['claims_of_runs', 'CREATE INDEX claims_of_runs ON claims (run_id)'],
  [
    'released_claims',
    `CREATE TABLE released_claims (
      namespace TEXT NOT NULL, key TEXT NOT NULL, released_at REAL NOT NULL, PRIMARY KEY (namespace, key)
    ) WITHOUT ROWID`,
  ],
  [
    'notes',
    // A version is never reused, also after its row was removed.
    `CREATE TABLE notes (
      version INTEGER PRIMARY KEY AUTOINCREMENT, namespace TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
      due_at REAL NOT NULL, expires_at REAL NOT NULL, UNIQUE (namespace, key)
    )`,
  ],
  ['due_notes', 'CREATE INDEX due_notes ON notes (namespace, due_at, version)'],
  ['note_ends', 'CREATE INDEX note_ends ON notes (expires_at)'],
  ['limits', 'CREATE TABLE limits (name TEXT PRIMARY KEY, slots TEXT NOT NULL) WITHOUT ROWID'],
])
