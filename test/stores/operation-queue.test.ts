import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { columnsOf } from '../../src/stores/run-columns.js'
import { operationQueue } from '../../src/stores/sqlite/operation-queue.js'
import { openDatabase } from '../../src/stores/sqlite/sqlite-database.js'
import type { Call, Reply } from '../../src/stores/store-operations.js'
import { eventually } from '../support/eventually.js'

const COLUMNS = columnsOf({ status: 'running', wakeAt: 0 })

let directory: string
let path: string
let replies: Reply[]

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'operation-queue-'))
  path = join(directory, 'runs.db')
  replies = []
})

afterEach(() => rm(directory, { recursive: true, force: true }))

function queueOf(options: { readonly open?: () => DatabaseSync; readonly lockedMs?: number } = {}) {
  return operationQueue({ open: () => openDatabase(path), reply: (more) => replies.push(...more), ...options })
}

const create = (number: number): Call => ({ number, name: 'create', args: [`run_${number}`, COLUMNS] })
const versions = (number: number): Call => ({ number, name: 'versions', args: [['run_1', 'run_2', 'run_3']] })

it('rejects what has waited for a lock for too long, and performs the rest', async () => {
  openDatabase(path).close()
  const other = new DatabaseSync(path)
  other.exec('BEGIN EXCLUSIVE')
  const queue = queueOf({ lockedMs: 300 })
  queue.add([versions(0), create(1)])
  queue.drain()
  expect(replies).toEqual([{ number: 0, value: [undefined, undefined, undefined] }])
  await eventually(() => expect(replies).toHaveLength(2))
  expect(replies[1]).toMatchObject({ number: 1, failure: { errstr: 'database is locked' } })
  queue.add([create(2)])
  queue.drain()
  other.exec('COMMIT')
  queue.add([versions(3)])
  await eventually(() => expect(replies).toHaveLength(4))
  expect(replies.slice(2)).toEqual([
    { number: 2, value: true },
    { number: 3, value: [undefined, 1, undefined] },
  ])
  other.close()
  queue.close()
})

it('fails all of a transaction whose commit fails, and opens the database again for the next one', () => {
  let isFailing = true
  const queue = queueOf({
    open: () => {
      const database = openDatabase(path)
      const exec = database.exec.bind(database)
      database.exec = (text) => {
        if (text === 'COMMIT' && isFailing) throw Object.assign(new Error('disk I/O error'), { errcode: 10 })
        exec(text)
      }
      return database
    },
  })
  queue.add([create(1), versions(2), create(3)])
  queue.drain()
  expect(replies).toEqual(
    [1, 2, 3].map((number) => ({ number, failure: expect.objectContaining({ message: 'disk I/O error' }) })),
  )
  isFailing = false
  queue.add([versions(4), create(1), versions(5)])
  queue.drain()
  expect(replies.slice(3)).toEqual([
    { number: 4, value: [undefined, undefined, undefined] },
    { number: 1, value: true },
    { number: 5, value: [1, undefined, undefined] },
  ])
  queue.close()
})

it('reverts only the changes of a failing operation', () => {
  const queue = queueOf()
  const report: Call = { number: 2, name: 'report', args: ['w', [{ id: 'run_1', progress: '{}' }, null]] }
  queue.add([create(1), report, create(3), { number: 4, name: 'load', args: ['run_1'] }, versions(5)])
  queue.drain()
  expect(replies).toEqual([
    { number: 1, value: true },
    { number: 2, failure: expect.objectContaining({ message: expect.stringContaining('null') }) },
    { number: 3, value: true },
    { number: 4, value: { version: 1, state: COLUMNS.state } },
    { number: 5, value: [1, undefined, 1] },
  ])
  queue.close()
})

it('fails the whole transaction where SQLite gave it up in an operation', () => {
  const queue = queueOf({
    open: () => {
      const database = openDatabase(path)
      database.exec(
        "CREATE TEMP TRIGGER full BEFORE INSERT ON runs WHEN NEW.id = 'run_2' BEGIN SELECT RAISE(ROLLBACK, 'full'); END",
      )
      return database
    },
  })
  queue.add([create(1), create(2), create(3)])
  queue.drain()
  expect(replies).toEqual(
    [1, 2, 3].map((number) => ({ number, failure: expect.objectContaining({ message: 'full' }) })),
  )
  queue.add([versions(4)])
  queue.drain()
  expect(replies.at(-1)).toEqual({ number: 4, value: [undefined, undefined, undefined] })
  queue.close()
})

it('fails every operation while the database cannot be opened, and tries again for the next', () => {
  const queue = queueOf({
    open: vi
      .fn(() => openDatabase(path))
      .mockImplementationOnce(() => {
        throw Object.assign(new Error('no such folder'), { code: 'ENOENT' })
      }),
  })
  queue.add([versions(1), create(2)])
  queue.drain()
  expect(replies).toEqual([1, 2].map((number) => ({ number, failure: expect.objectContaining({ code: 'ENOENT' }) })))
  queue.add([versions(3)])
  queue.drain()
  expect(replies).toHaveLength(3)
  queue.close()
})
