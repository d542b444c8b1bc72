import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from './source-files.js'

const BINARY = /\.(?:png|jpe?g|gif|ico|mp4|webm|wasm|woff2?|db)$/

const FORBIDDEN: readonly (readonly [RegExp, string])[] = [
  [/(?<![\w.:\-/])\/(?:work|root|home|Users)\/[\w.]/, 'a path of one machine'],
  [/\bregistry\.[\w-]+\.\w+/, 'the host of a package registry'],
]

test('no file that goes into the repository names a machine or a package registry', () => {
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((path) => path !== '' && !BINARY.test(path) && existsSync(join(ROOT, path)))
  expect(files.length).toBeGreaterThan(20)
  expect(files.flatMap((path) => problems(path, readFileSync(join(ROOT, path), 'utf8')))).toEqual([])
})

test.each([
  ['see ', 'home', 'user/a.ts'],
  ["cd '", 'work', 'main'],
  ['', 'root', '.npmrc'],
])('a local path is found: %s/%s/%s', (before, folder, after) => {
  expect(problems('a.md', `${before}/${folder}/${after}`)).toEqual(['a.md:1 has a path of one machine'])
})

test('the host of a package registry is found', () => {
  expect(problems('a.json', `\n"resolved": "https://${['registry', 'packages', 'example'].join('.')}/a.tgz"`)).toEqual([
    'a.json:2 has the host of a package registry',
  ])
})

test('an address with such a folder is not a local path', () => {
  expect(problems('a.md', 'https://example.org/home/page and src/work/a')).toEqual([])
})

function problems(path: string, text: string): readonly string[] {
  return text
    .split('\n')
    .flatMap((line, index) =>
      FORBIDDEN.filter(([pattern]) => pattern.test(line)).map(([, what]) => `${path}:${index + 1} has ${what}`),
    )
}
