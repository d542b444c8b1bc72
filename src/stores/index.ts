export type { RunStore } from '../contracts/run-store.js'
export { type FileStoreOptions, fileStore } from './files/file-store.js'
export { type SqliteStore, type SqliteStoreOptions, sqliteStore } from './sqlite/sqlite-store.js'
