import type { NoteOperations } from '../stored-notes.js'
import { DUE_NOTES, READ_NOTE, SAVE_NOTE } from './note-scripts.js'
import type { RunScript } from './redis-operations.js'
import { optionalText, textsOf } from './redis-reply.js'

/** The operations on notes: one script each. */
export function redisNotes(run: RunScript): NoteOperations {
  return {
    async readNote(namespace, key) {
      const [version, value] = textsOf(await run(READ_NOTE, [nameOf(namespace, key)]))
      return version === undefined || value === undefined ? undefined : { version: Number(version), value }
    },
    async saveNote(namespace, key, version, { call, dueInMs, expiresInMs, value }) {
      const times = [String(dueInMs), String(expiresInMs)]
      const reply = await run(SAVE_NOTE, [nameOf(namespace, key), String(version), call, ...times, value])
      const saved = optionalText(reply)
      return saved === undefined ? undefined : Number(saved)
    },
    async dueNotes({ namespace, limit, after }) {
      const place = [after ?? '', after === undefined ? '0' : '1']
      return textsOf(await run(DUE_NOTES, [namespace, String(limit), ...place]))
    },
  }
}

// Neither part has a line break.
function nameOf(namespace: string, key: string): string {
  return `${namespace}\n${key}`
}
