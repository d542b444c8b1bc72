import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fileStore } from '../../src/stores/index.js'

// What happens right before and after a system call, by its name and paths.
const calls = vi.hoisted(() => ({
  before: async (_name: string, _paths: readonly string[]): Promise<void> => undefined,
  after: async (_name: string, _paths: readonly string[]): Promise<void> => undefined,
}))

vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof import('node:fs/promises')>()
  const watched = <A extends unknown[], R>(name: string, call: (...args: A) => Promise<R>) => {
    return async (...args: A) => {
      const paths = args.map(String)
      await calls.before(name, paths)
      const result = await call(...args)
      await calls.after(name, paths)
      return result
    }
  }
  return {
    ...fs,
    rename: watched('rename', fs.rename),
    stat: watched('stat', fs.stat as (path: string) => Promise<unknown>),
    rmdir: watched('rmdir', fs.rmdir),
    writeFile: watched('writeFile', fs.writeFile as (path: string, text: string) => Promise<void>),
  }
})

const BYTES = new TextEncoder().encode('the bytes of a video')
const SHA256 = createHash('sha256').update(BYTES).digest('hex')

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'file-store-media-'))
})

afterEach(async () => {
  calls.before = async () => undefined
  calls.after = async () => undefined
  await rm(directory, { recursive: true, force: true })
})

const inMedia = () => readdir(join(directory, 'media'))
const references = () => readdir(join(directory, 'references'))

describe('media', () => {
  it('are kept once for many runs, and are removed with the last one', async () => {
    const [store, other] = [fileStore({ directory }), fileStore({ directory })]
    expect(await store.getMedia(SHA256)).toBeUndefined()
    for (const id of ['run-1', 'run-1', 'run-2']) await store.putMedia(id, SHA256, BYTES)
    expect(await inMedia()).toEqual([SHA256])
    expect(await other.getMedia(SHA256)).toEqual(BYTES)
    await other.dropMedia('run-1')
    await other.dropMedia('run-unknown')
    expect(await store.getMedia(SHA256)).toEqual(BYTES)
    await store.dropMedia('run-2')
    expect(await other.getMedia(SHA256)).toBeUndefined()
    expect([await inMedia(), await references()]).toEqual([[], []])
    await store.putMedia('run-1', SHA256, BYTES)
    expect(await other.getMedia(SHA256)).toEqual(BYTES)
  })

  it('are refused when their digest differs, and a path is not a name', async () => {
    const store = fileStore({ directory })
    for (const wrong of [SHA256.toUpperCase(), SHA256.replace(/^./, 'g'), '../media', '']) {
      await expect(store.putMedia('run-1', wrong, BYTES)).rejects.toMatchObject({ code: 'request-invalid' })
      expect(await store.getMedia(wrong)).toBeUndefined()
    }
    expect(await readdir(directory)).toEqual([])
  })

  it('do not create a run', async () => {
    const store = fileStore({ directory })
    await store.putMedia('run-1', SHA256, BYTES)
    expect(await store.load('run-1')).toBeUndefined()
    expect(await store.list({ order: 'oldest-first', limit: 10 })).toEqual([])
    await expect(store.save('run-1', 0, { status: 'running', wakeAt: 0 })).rejects.toMatchObject({ code: 'run-state' })
    expect(await store.create('run-1', { status: 'running', wakeAt: 0 })).toBe(true)
  })
})

describe('media whose last reference is removed', () => {
  // At every relevant system call of one process, the other does all of its work.
  it.each(
    ['rename', 'rmdir', 'stat'].flatMap((name) => [
      ['before', name],
      ['after', name],
    ]) as ['before' | 'after', string][],
  )('stay when another run refers to them %s the %s', async (moment, name) => {
    const [slow, quick] = [fileStore({ directory }), fileStore({ directory })]
    await slow.putMedia('run-1', SHA256, BYTES)
    let isMet = false
    calls[moment] = async (call) => {
      if (call !== name || isMet) return
      isMet = true
      await quick.putMedia('run-2', SHA256, BYTES)
      // While the bytes are aside, too.
      expect(await quick.getMedia(SHA256)).toEqual(BYTES)
    }
    await slow.dropMedia('run-1')
    if (!isMet) await quick.putMedia('run-2', SHA256, BYTES)
    expect(await slow.getMedia(SHA256)).toEqual(BYTES)
    expect(await inMedia()).toEqual([SHA256])
    await slow.dropMedia('run-2')
    expect([await inMedia(), await references()]).toEqual([[], []])
  })

  it.each(
    ['writeFile', 'stat'].flatMap((name) => [
      ['before', name],
      ['after', name],
    ]) as ['before' | 'after', string][],
  )('stay when they go %s a %s of the one that puts', async (moment, name) => {
    const paths: string[] = []
    // As many times as there are such calls.
    for (let turn = 1; ; turn += 1) {
      const place = join(directory, String(turn))
      const [slow, quick] = [fileStore({ directory: place }), fileStore({ directory: place })]
      await quick.putMedia('run-1', SHA256, BYTES)
      let met = 0
      calls[moment] = async (call, [path = '']) => {
        if (call !== name || !path.startsWith(place)) return
        met += 1
        if (met !== turn) return
        paths.push(path)
        await quick.dropMedia('run-1')
      }
      await slow.putMedia('run-2', SHA256, BYTES)
      calls[moment] = async () => undefined
      expect(await slow.getMedia(SHA256)).toEqual(BYTES)
      if (met < turn) break
    }
    expect(paths.length).toBeGreaterThan(0)
  })

  it('are found and put back when their process died in between', async () => {
    const [dying, store] = [fileStore({ directory }), fileStore({ directory })]
    await dying.putMedia('run-1', SHA256, BYTES)
    calls.after = async (name) => {
      if (name !== 'rename') return
      calls.after = async () => undefined
      await store.putMedia('run-2', SHA256, BYTES)
      await rm(join(directory, 'media', SHA256))
      throw new Error('died')
    }
    await expect(dying.dropMedia('run-1')).rejects.toMatchObject({ code: 'run-state' })
    expect((await inMedia())[0]).toMatch(/^\..*\.tmp$/)
    expect(await store.getMedia(SHA256)).toEqual(BYTES)
    expect(await inMedia()).toContain(SHA256)
  })
})

it('keeps no reference of a run whose media are dropped while they are put', async () => {
  const [slow, quick] = [fileStore({ directory }), fileStore({ directory })]
  calls.after = async (name, [path = '']) => {
    if (name === 'writeFile' && path.endsWith('.media')) await quick.dropMedia('run-1')
  }
  await slow.putMedia('run-1', SHA256, BYTES)
  expect(await slow.getMedia(SHA256)).toBeUndefined()
  expect([await inMedia(), await references()]).toEqual([[], []])
})
