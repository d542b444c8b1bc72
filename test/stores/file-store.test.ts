import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest'
import { type RunStore, SoraPipeline, type StoredRun } from '../../src/index.js'
import { fileNameOf } from '../../src/stores/files/file-name-of.js'
import { fileStore } from '../../src/stores/index.js'
import { fakeTaskGenerator, runStoreConformance } from '../../src/testing/index.js'

// What happens right before a system call, by its name and path.
const before = vi.hoisted(() => ({ call: async (_name: string, _path: string): Promise<void> => undefined }))

vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof import('node:fs/promises')>()
  return {
    ...fs,
    link: async (from: string, to: string) => {
      await before.call('link', to)
      return fs.link(from, to)
    },
    readFile: async (path: string, encoding: 'utf8') => {
      await before.call('readFile', path)
      return fs.readFile(path, encoding)
    },
    rm: async (path: string, options: object) => {
      await before.call('rm', path)
      return fs.rm(path, options)
    },
  }
})

const RUNNING: StoredRun = { status: 'running', wakeAt: 100 }

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'file-store-'))
})

afterEach(async () => {
  before.call = async () => undefined
  await rm(directory, { recursive: true, force: true })
})

runStoreConformance({
  test,
  create: async () => {
    const place = await mkdtemp(join(tmpdir(), 'file-store-'))
    return {
      store: fileStore({ directory: join(place, 'new', 'runs') }),
      reopen: async () => fileStore({ directory: join(place, 'new', 'runs') }),
      dispose: () => rm(place, { recursive: true }),
    }
  },
})

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: said the test`), { code })
}

/** Saves a run a number of times, and gives its newest version. */
async function saveTimes(store: RunStore, id: string, times: number): Promise<number> {
  let version = (await store.load(id))?.version ?? 0
  for (let time = 0; time < times; time += 1) version = await store.save(id, version, { ...RUNNING, time })
  return version
}

const folderOf = (id: string) => join(directory, 'runs', fileNameOf(id))
const newestFileOf = (id: string, version: number) => join(folderOf(id), `${version}.json`)

describe('the files of a run', () => {
  it('are its last four versions, and nothing else', async () => {
    const store = fileStore({ directory })
    await store.create('run_1', RUNNING)
    await saveTimes(store, 'run_1', 9)
    expect((await readdir(folderOf('run_1'))).sort()).toEqual(['10.json', '7.json', '8.json', '9.json'])
    expect(JSON.parse(await readFile(newestFileOf('run_1', 10), 'utf8'))).toEqual({
      id: 'run_1',
      state: { ...RUNNING, time: 8 },
    })
  })

  it('take no save over a version that was removed long ago, or that never existed', async () => {
    const store = fileStore({ directory })
    await store.create('run_1', RUNNING)
    await saveTimes(store, 'run_1', 9)
    for (const version of [0, 1, 2, 9, 11, 99]) {
      await expect(store.save('run_1', version, { ...RUNNING, lost: true })).rejects.toMatchObject({
        code: 'run-fenced',
      })
    }
    expect(await store.create('run_1', RUNNING)).toBe(false)
    expect(await readdir(folderOf('run_1'))).toHaveLength(4)
  })

  it('are recognised among foreign files, which are left alone', async () => {
    const store = fileStore({ directory })
    await store.create('run_1', RUNNING)
    await writeFile(join(folderOf('run_1'), 'notes.txt'), 'mine')
    await writeFile(join(directory, 'runs', 'notes.txt'), 'mine')
    await saveTimes(store, 'run_1', 9)
    expect(await store.due(100, 10)).toEqual(['run_1'])
    expect(await readdir(folderOf('run_1'))).toContain('notes.txt')
  })

  it('that a dead process left half written are swept after an hour', async () => {
    const store = fileStore({ directory })
    await store.create('run_1', RUNNING)
    const [old, fresh] = ['1', '2'].map((end) =>
      join(folderOf('run_1'), `.2.json.00000000-0000-4000-8000-00000000000${end}.tmp`),
    ) as [string, string]
    for (const path of [old, fresh]) await writeFile(path, '{"id":')
    await utimes(old, new Date(), new Date(Date.now() - 3_700_000))
    await saveTimes(store, 'run_1', 1)
    expect((await readdir(folderOf('run_1'))).sort()).toEqual([basename(fresh), '1.json', '2.json'])
  })

  it('stay where they are when the process goes to another directory', async () => {
    const start = process.cwd()
    vi.spyOn(process, 'cwd').mockReturnValue(directory)
    const store = fileStore({ directory: 'runs-here' })
    vi.mocked(process.cwd).mockReturnValue(start)
    await store.create('run_1', RUNNING)
    expect(await readdir(directory)).toEqual(['runs-here'])
  })
})

describe('a process that slept', () => {
  it('gets no version that existed before and was removed meanwhile', async () => {
    const [slow, quick] = [fileStore({ directory }), fileStore({ directory })]
    await slow.create('run_1', RUNNING)
    before.call = async (name) => {
      if (name !== 'link') return
      before.call = async () => undefined
      await saveTimes(quick, 'run_1', 9)
    }
    await expect(slow.save('run_1', 1, { ...RUNNING, lost: true })).rejects.toMatchObject({ code: 'run-fenced' })
    expect(await slow.load('run_1')).toEqual({ version: 10, state: { ...RUNNING, time: 8 } })
    await saveTimes(quick, 'run_1', 1)
    expect((await readdir(folderOf('run_1'))).sort()).toEqual(['10.json', '11.json', '8.json', '9.json'])
  })

  it('for more than an hour gets no version either', async () => {
    const [slow, quick] = [fileStore({ directory }), fileStore({ directory })]
    await slow.create('run_1', RUNNING)
    before.call = async (name, path) => {
      if (name !== 'link') return
      before.call = async () => undefined
      const folder = dirname(path)
      const attempt = (await readdir(folder)).find((file) => file.endsWith('.tmp')) ?? ''
      await utimes(join(folder, attempt), new Date(), new Date(Date.now() - 3_700_000))
      await saveTimes(quick, 'run_1', 9)
    }
    await expect(slow.save('run_1', 1, { ...RUNNING, lost: true })).rejects.toMatchObject({
      code: 'run-state',
      message: `Could not save the run, ENOENT at ${directory}: run_1`,
    })
    expect(await slow.load('run_1')).toEqual({ version: 10, state: { ...RUNNING, time: 8 } })
    expect((await readdir(folderOf('run_1'))).sort()).toEqual(['10.json', '7.json', '8.json', '9.json'])
  })

  it('does not create a run again whose first version was removed meanwhile', async () => {
    const [slow, quick] = [fileStore({ directory }), fileStore({ directory })]
    before.call = async (name) => {
      if (name !== 'link') return
      before.call = async () => undefined
      await quick.create('run_1', RUNNING)
      await saveTimes(quick, 'run_1', 9)
    }
    expect(await slow.create('run_1', { ...RUNNING, lost: true })).toBe(false)
    expect((await slow.load('run_1'))?.version).toBe(10)
  })

  it('reads the newest version when the one that it saw was removed meanwhile', async () => {
    const [slow, quick] = [fileStore({ directory }), fileStore({ directory })]
    await slow.create('run_1', RUNNING)
    before.call = async (name) => {
      if (name !== 'readFile') return
      before.call = async () => undefined
      await saveTimes(quick, 'run_1', 9)
    }
    expect((await slow.load('run_1'))?.version).toBe(10)
  })
})

describe('a broken file', () => {
  it.each([
    ['empty', ''],
    ['cut off', '{"id":"run_1","state":{"status":"run'],
    ['of zeros', '\0\0\0\0'],
    ['no run', '{"id":"run_1","state":7}\n'],
  ])('that is %s is named, hides no other run, and leaves the version before it', async (_, text) => {
    const store = fileStore({ directory })
    for (const id of ['run_1', 'run_2']) await store.create(id, RUNNING)
    await saveTimes(store, 'run_1', 2)
    await writeFile(newestFileOf('run_1', 3), text)
    await expect(store.load('run_1')).rejects.toMatchObject({
      code: 'run-state',
      message: `Could not read the run, its file is broken: ${newestFileOf('run_1', 3)}; restore it from a backup`,
    })
    for (const reader of [store, fileStore({ directory })]) {
      expect([...(await reader.due(100, 10))].sort()).toEqual(['run_1', 'run_2'])
    }
    await rm(newestFileOf('run_1', 3))
    expect(await store.load('run_1')).toEqual({ version: 2, state: { ...RUNNING, time: 0 } })
  })

  it('without a version before it hides neither other runs nor its own', async () => {
    const store = fileStore({ directory })
    for (const id of ['run_1', 'run_2']) await store.create(id, RUNNING)
    await writeFile(newestFileOf('run_1', 1), '')
    // By the name of its folder, which shows its id.
    expect(await store.due(100, 10)).toEqual(['run_1', 'run_2'])
    await expect(store.load('run_1')).rejects.toMatchObject({ code: 'run-state' })
  })

  it('is reported by recover', async () => {
    const store = fileStore({ directory })
    await store.create('run_1', RUNNING)
    await saveTimes(store, 'run_1', 1)
    await writeFile(newestFileOf('run_1', 2), '')
    const generator = fakeTaskGenerator()
    const [run] = await new SoraPipeline({ generator, store }).recover()
    await expect(run?.result).rejects.toMatchObject({ code: 'run-state' })
    expect(generator.startCount).toBe(0)
  })

  it('of a claim is named', async () => {
    const store = fileStore({ directory })
    await store.claim('jobs', 'job_1', 'run_1')
    const path = join(directory, 'claims', `${fileNameOf(JSON.stringify(['jobs', 'job_1']))}.json`)
    await writeFile(path, '')
    await expect(store.claim('jobs', 'job_1', 'run_1')).rejects.toMatchObject({
      code: 'run-state',
      message: `Could not read the claim, its file is broken: ${path}; restore it from a backup`,
    })
  })
})

describe('a disk that fails', () => {
  it.each(['ENOSPC', 'EROFS', 'EACCES', 'EIO'])(
    'with %s rejects every write, and leaves nothing behind',
    async (code) => {
      const store = fileStore({ directory })
      await store.create('run_1', RUNNING)
      before.call = async (name) => {
        if (name === 'link') throw failure(code)
      }
      const writes = [
        () => store.create('run_2', RUNNING),
        () => store.save('run_1', 1, { ...RUNNING, lost: true }),
        () => store.claim('jobs', 'job_1', 'run_1'),
      ]
      for (const write of writes) {
        await expect(write()).rejects.toMatchObject({
          code: 'run-state',
          message: expect.stringMatching(
            `^Could not .*, (?:${code}|the store is [a-z -]+ \\(${code}\\)) at ${directory}[:;].* run_`,
          ),
        })
      }
      before.call = async () => undefined
      expect(await store.due(100, 10)).toEqual(['run_1'])
      expect(await store.load('run_1')).toEqual({ version: 1, state: RUNNING })
      expect(await readdir(folderOf('run_1'))).toEqual(['1.json'])
      expect(await store.claim('jobs', 'job_1', 'run_2')).toBe(true)
    },
  )

  it('ends a run before anything is paid', async () => {
    await writeFile(join(directory, 'a-file'), '')
    const generator = fakeTaskGenerator()
    const store = fileStore({ directory: join(directory, 'a-file', 'runs') })
    await expect(new SoraPipeline({ generator, store }).generate({ prompt: 'A cat' })).rejects.toMatchObject({
      code: 'run-state',
      message: expect.stringContaining('nothing was sent'),
    })
    expect(generator.startCount).toBe(0)
  })

  it('fails no save because an old version cannot be removed', async () => {
    const store = fileStore({ directory })
    await store.create('run_1', RUNNING)
    before.call = async (name, path) => {
      if (name === 'rm' && path.endsWith('.json')) throw failure('EBUSY')
    }
    expect(await saveTimes(store, 'run_1', 5)).toBe(6)
    before.call = async () => undefined
    await saveTimes(store, 'run_1', 1)
    expect((await readdir(folderOf('run_1'))).filter((name) => name.endsWith('.json'))).toHaveLength(4)
  })

  it('keeps no earlier version of a run whose input was erased', async () => {
    const store = fileStore({ directory })
    const ended: StoredRun = { status: 'completed', wakeAt: 100, endedAt: 100, prompt: 'canary' }
    await store.create('run_1', ended)
    await saveTimes(store, 'run_1', 2)
    await store.save('run_1', 3, { status: 'completed', wakeAt: 100, endedAt: 100, erasedAt: 200 })
    const folder = folderOf('run_1')
    const texts = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')))
    expect(texts.filter((text) => text.includes('canary'))).toEqual([])
    expect((await store.load('run_1'))?.version).toBe(4)
  })

  it('reads the other runs when the worker of one is not a string', async () => {
    const store = fileStore({ directory })
    await store.create('run_1', { ...RUNNING, worker: 7 as unknown as string })
    await store.create('run_2', RUNNING)
    expect(await store.due(100, 10, { isFree: true })).toEqual(['run_1', 'run_2'])
    expect((await store.load('run_1'))?.beat).toBeUndefined()
  })

  it.each(['load', 'due'] as const)('rejects a %s that cannot read', async (method) => {
    const store = fileStore({ directory })
    await store.create('run_1', RUNNING)
    before.call = async () => {
      throw failure('EMFILE')
    }
    const read = method === 'load' ? store.load('run_1') : store.due(100, 10)
    await expect(read).rejects.toMatchObject({ code: 'run-state', message: expect.stringContaining('EMFILE') })
  })

  it('reports a run whose directory was removed, and does not create it again', async () => {
    const store = fileStore({ directory })
    await store.create('run_1', RUNNING)
    await rm(folderOf('run_1'), { recursive: true })
    await expect(store.save('run_1', 1, RUNNING)).rejects.toMatchObject({
      code: 'run-state',
      message: 'Could not save the run, the store does not know it: run_1',
    })
    expect(await store.due(100, 10)).toEqual([])
  })
})

it.each([undefined, '', 7])('refuses a directory that is not one: %s', (wrong) => {
  expect(() => fileStore({ directory: wrong as string })).toThrow('give the path of a directory')
})
