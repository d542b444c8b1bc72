export { type FileStoreOptions, fileStore } from './file-store.js'
export { type SqliteStore, type SqliteStoreOptions, sqliteStore } from './sqlite-store.js'
