import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { printable, shellOption, shellWord } from '../../src/cli/printable.js'

const IDS = [
  'run_1',
  'a cat',
  "it's",
  '$(touch x) `touch y` $HOME "!!" ; & | > * ?',
  String.raw`back\slash \n %s`,
  'red\u001b[31m\ttab\u0007 100 %s \\ \' " $(id) !!',
  'two\nlines',
  'right to left \u202e of \u00e9 and \u732b',
  'no width \u200b\ufeff',
  '',
]

describe('a word of a shell command', () => {
  it.each(IDS)('is %j again in a shell, and all of it is shown', (id) => {
    const word = shellWord(id)
    expect(printable(word)).toBe(word)
    for (const shell of ['sh', 'bash']) {
      expect(execFileSync(shell, ['-c', `printf '%s.' ${word}`], { encoding: 'utf8' })).toBe(`${id}.`)
    }
  })

  it('that ends in a line break is read by shells with escapes', () => {
    const word = shellWord('line\n')
    expect(execFileSync('bash', ['-c', `printf '%s.' ${word}`], { encoding: 'utf8' })).toBe('line\n.')
  })
})

it('the value of an option that looks like an option is behind an equals sign', () => {
  expect(shellOption('after', '-x y')).toEqual(["--after='-x y'"])
  expect(shellOption('after', 'run_1')).toEqual(['--after', 'run_1'])
})
