import { execFile, spawnSync } from 'node:child_process'
import { chmod, copyFile, cp, mkdir, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SoraPipeline } from '../../src/index.js'
import { fileStore, sqliteStore } from '../../src/stores/index.js'
import { fakeGenerator } from '../../src/testing/index.js'
import { type Ended, type OperatorProject, operatorProject } from './operator-project.js'

// Stores that a person has to repair: the command names what is wrong and the fix.

let project: OperatorProject
const pathOf = (name: string) => join(project.folder, name)

beforeAll(async () => {
  project = await operatorProject()
  await chmod(project.folder, 0o755)
  const database = sqliteStore({ path: pathOf('runs.db') })
  for (const store of [database, fileStore({ directory: pathOf('runs of files') })]) {
    const pipeline = new SoraPipeline({ generator: fakeGenerator(), store })
    for (const id of ['run_1', 'run_2']) await pipeline.generate({ prompt: 'A cat' }, { id })
    await pipeline.close()
  }
  await database.close()
})
afterAll(() => project.remove())

describe.each<[string, (path: string) => Promise<unknown>, RegExp]>([
  [
    'is no database',
    (path) => writeFile(path, 'no database '.repeat(9)),
    /x\.db is not a database of SQLite; check --store$/,
  ],
  [
    'has only the head of a database',
    (path) => truncate(path, 3000),
    /, the store is damaged \(.*\) at .*x\.db; restore it/,
  ],
  ['has pages of something else', overwrite, /, the store is damaged \(.*\) at .*x\.db; restore it from a backup/],
  ['is empty', (path) => truncate(path, 0), /x\.db is empty; check --store, or run sora-pipeline migrate$/],
])('a database that %s', (_name, damage, problem) => {
  it('is reported with its path and the fix', async () => {
    await copyFile(pathOf('runs.db'), pathOf('x.db'))
    await damage(pathOf('x.db'))
    for (const args of [['list'], ['show', 'run_1'], ['erase', 'run_1', '--yes']]) {
      const { code, stdout, stderr } = await project.command(['runs', ...args, '--store', 'x.db', '--json'])
      expect([code, stderr.trimEnd()], args.join(' ')).toEqual([1, expect.stringMatching(problem)])
      expect(stderr).not.toContain('is down')
      expect(JSON.parse(stdout)).toHaveProperty('error.message')
    }
    const report = await project.command(['doctor', '--store', 'x.db', '--json'])
    expect(report.code).toBe(1)
    expect(JSON.parse(report.stdout).problems).toContainEqual(expect.stringMatching(problem))
  })
})

// Root may write any file: there the commands run as the user `nobody`, if that can read this package.
const isRoot = process.getuid?.() === 0
const user = isRoot ? { uid: 65534, gid: 65534 } : {}
const canRun = spawnSync(process.execPath, [resolve('dist/cli/main.js'), '--version'], user).status === 0

describe.skipIf(!canRun)('a store that this user may not write', () => {
  const asUser = (...args: readonly string[]) =>
    new Promise<Ended>((done) => {
      const file = [resolve('dist/cli/main.js'), ...args]
      const child = execFile(process.execPath, file, { cwd: project.folder, ...user }, (_error, stdout, stderr) =>
        done({ code: child.exitCode ?? -1, stdout, stderr }),
      )
    })

  it('is a database that is read-only, and nothing was changed', async () => {
    const folder = pathOf('read-only')
    await mkdir(folder)
    await copyFile(pathOf('runs.db'), join(folder, 'runs.db'))
    await chmod(join(folder, 'runs.db'), 0o444)
    await chmod(folder, 0o555)
    const problem = /^Could not [a-z ]+, the store is (?:read-only|not accessible) \(.*\) at .*; let this user /
    for (const args of [['list'], ['show', 'run_1'], ['erase', 'run_1', '--yes']]) {
      const { code, stderr } = await asUser('runs', ...args, '--store', 'read-only/runs.db')
      expect([code, stderr], args.join(' ')).toEqual([1, expect.stringMatching(problem)])
    }
    await chmod(folder, 0o755)
  })

  it('is a directory that cannot be read', async () => {
    await cp(pathOf('runs of files'), pathOf('closed'), { recursive: true })
    await chmod(pathOf('closed'), 0)
    expect(await asUser('runs', 'list', '--store', 'closed')).toMatchObject({
      code: 1,
      stderr: 'Could not open the store: closed cannot be read: EACCES; let this user read it\n',
    })
    await chmod(pathOf('closed'), 0o755)
  })
})

describe('a directory of fileStore', () => {
  it('with a broken file shows the other runs, and names the file', async () => {
    await cp(pathOf('runs of files'), pathOf('broken'), { recursive: true })
    const folder = join(pathOf('broken'), 'runs')
    const name = (await readdir(folder)).find((entry) => entry.startsWith('run_1-')) ?? ''
    for (const file of await readdir(join(folder, name))) await writeFile(join(folder, name, file), '{')
    const { stdout } = await project.command(['runs', 'list', '--store', 'broken'])
    expect(stdout).toMatch(/^completed .* run_2 /m)
    expect(stdout).toMatch(/^unreadable .* run_1 .*Could not read the run, its file is broken: \/.*\.json; restore it/m)
    const shown = await project.command(['runs', 'show', 'run_1', '--store', 'broken'])
    expect(shown).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/its file is broken: \/.*\.json; restore it/),
    })
  })

  it('whose folder of runs is a file is none', async () => {
    await mkdir(pathOf('other'))
    await writeFile(join(pathOf('other'), 'runs'), '')
    expect(await project.command(['runs', 'list', '--store', 'other'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'Could not open the store: other is not a directory of fileStore; check --store\n',
    })
    await rm(pathOf('other'), { recursive: true })
  })
})

async function overwrite(path: string): Promise<void> {
  const { length } = await readFile(path)
  const file = await open(path, 'r+')
  await file.write(Buffer.alloc(length - 4096, 0xab), 0, length - 4096, 4096)
  await file.close()
}
