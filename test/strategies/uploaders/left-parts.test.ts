import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { removeLeftParts } from '../../../src/strategies/uploaders/left-parts.js'

const DAY_MS = 24 * 3_600_000
const NOW = Date.UTC(2026, 0, 1)
const PART = '.0f8fad5b-d9cb-469f-a165-70867728950e.part'

async function directoryOf(files: Readonly<Record<string, number>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'parts-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  for (const [name, ageMs] of Object.entries(files)) {
    await writeFile(join(directory, name), 'half')
    await utimes(join(directory, name), new Date(NOW - ageMs), new Date(NOW - ageMs))
  }
  return directory
}

it.each([
  ['is removed when it was not written for a day', PART, DAY_MS + 1000, []],
  ['stays while an upload may write to it', PART, DAY_MS - 1000, [PART]],
])('a temporary file %s', async (_, name, ageMs, left) => {
  const directory = await directoryOf({ [name]: ageMs })
  await removeLeftParts(directory, NOW)
  expect(await readdir(directory)).toEqual(left)
})

it('removes no foreign file, however old', async () => {
  const names = ['cat.mp4', 'cat.part', '.part', `x${PART}`, `${PART}x`, PART.replace('0f', 'zz')]
  const directory = await directoryOf(Object.fromEntries(names.map((name) => [name, 99 * DAY_MS])))
  await removeLeftParts(directory, NOW)
  expect((await readdir(directory)).toSorted()).toEqual(names.toSorted())
})

it('leaves what it cannot read or remove', async () => {
  const directory = await directoryOf({})
  await mkdir(join(directory, PART))
  await utimes(join(directory, PART), new Date(0), new Date(0))
  await expect(removeLeftParts(directory, NOW)).resolves.toBeUndefined()
  await expect(removeLeftParts(join(directory, 'none'), NOW)).resolves.toBeUndefined()
  expect(await readdir(directory)).toEqual([PART])
})
