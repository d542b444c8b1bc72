import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { runCommandLine } from '../../src/cli/command-line.js'
import { EXIT_CODE_HELP, EXIT_CODES } from '../../src/cli/exit-code.js'
import { fakeTerminal } from './terminal.js'

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly version: string }

test.each([['--version'], ['-v']])('%s prints the version of the package', async (option) => {
  const terminal = fakeTerminal()
  expect(await runCommandLine([option], terminal)).toBe(0)
  expect([terminal.out(), terminal.err()]).toEqual([`${version}\n`, ''])
})

test.each([['--help'], ['-h']])('%s lists the commands, the options and the exit codes', async (option) => {
  const terminal = fakeTerminal()
  expect(await runCommandLine([option], terminal)).toBe(0)
  expect(terminal.out()).toMatch(/^Usage: sora-pipeline <command> \[options\]$/m)
  expect(terminal.out()).toMatch(/^ {2}demo {7}make a video on this machine/m)
  expect(terminal.out()).toContain(EXIT_CODE_HELP)
})

test.each([[['demo', '--help']], [['demo', '-h']], [['demo', 'A cat', '--json', '--help']]])(
  '%j prints the help of the command, and starts nothing',
  async (args) => {
    const terminal = fakeTerminal()
    expect(await runCommandLine(args, terminal)).toBe(0)
    expect(terminal.out()).toMatch(
      /^Usage: sora-pipeline demo \[prompt\] \[--output directory\] \[--json\] \[--serve\]\n/,
    )
    expect(terminal.out()).toContain(EXIT_CODE_HELP)
  },
)

test.each([
  [[], 'the command is missing; give one of demo, play'],
  [['dmeo'], 'dmeo is unknown, did you mean demo?'],
  [['A cat playing piano'], 'A cat playing piano is unknown; give one of demo, play'],
  [['constructor'], 'constructor is unknown; give one of demo, play'],
  [['--versoin'], '--versoin is unknown, did you mean --version?'],
  [['--help', 'demo'], 'the command takes no arguments'],
  [['demo', '--ouput', 'x'], '--ouput is unknown, did you mean --output?'],
  [['demo', '--speed=3'], '--speed is unknown; give one of --output, --json, --serve, --help'],
  [['demo', '--constructor'], '--constructor is unknown; give one of --output, --json, --serve, --help'],
  [['demo', '-x'], '-x is unknown; give one of --output, --json, --serve, --help'],
  [['demo', '--output'], '--output needs a value'],
  [['demo', '--output='], '--output needs a value'],
  [['demo', '--output', '--json'], '--output needs a value; write --output=--json if it is --json'],
  [['demo', '--json=yes'], '--json takes no value'],
  [['demo', 'A', 'cat'], '2 arguments are given, and at most 1 is accepted; put a text with blanks in quotes'],
  [['demo', ' '], 'the prompt is empty'],
  [['demo', '--jsn', '--srve'], '--jsn is unknown, did you mean --json?; --srve is unknown, did you mean --serve?'],
])('%j is a wrong command line: %s', async (args, problem) => {
  const terminal = fakeTerminal()
  expect(await runCommandLine(args, terminal)).toBe(2)
  expect(terminal.err()).toBe(
    `Could not read the command line: ${problem}\nRun sora-pipeline --help for the commands and options\n`,
  )
  expect(terminal.out()).toBe('')
  expect(terminal.signals.eventNames()).toEqual([])
})

test('the exit codes of --help are those of the commands and of main.ts', () => {
  const shown = [...EXIT_CODE_HELP.matchAll(/^ {2}(\d+) /gm)].map((match) => Number(match[1]))
  const ofMain = Number(/process\.exitCode = (\d+)/.exec(readFileSync('src/cli/main.ts', 'utf8'))?.[1])
  expect(shown).toEqual([...Object.values(EXIT_CODES), ofMain].sort((a, b) => a - b))
})
