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

const RUNS = 'list, show, settle, adopt, retry, prune, erase, remove, webhooks'

test.each([
  [[], 'the command is missing; give one of demo, doctor, migrate, play, runs'],
  [['dmeo'], 'dmeo is unknown, did you mean demo?'],
  [['A cat playing piano'], 'A cat playing piano is unknown; give one of demo, doctor, migrate, play, runs'],
  [['constructor'], 'constructor is unknown; give one of demo, doctor, migrate, play, runs'],
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
  [['runs'], `the command is missing; give one of ${RUNS}`],
  [['runs', 'lst'], 'lst is unknown, did you mean list?'],
  [['runs', 'constructor'], `constructor is unknown; give one of ${RUNS}`],
  [['runs', '--stor', 'x', 'list'], '--stor is unknown, did you mean --store?; the command takes no arguments'],
  [['runs', 'list'], '--store is missing; give a path or a URL, or set SORA_PIPELINE_STORE'],
  [
    ['runs', 'list', '--store', 'mysql://db'],
    '--store has the scheme mysql; give a path, redis://…, rediss://… or postgres://…',
  ],
  [['runs', 'list', '--store', 'x', '--prefix', 'a'], '--prefix is only for a store in Redis'],
  [['runs', 'list', '--store', 'x', '--schema', 'a'], '--schema is only for a store in PostgreSQL'],
  [['runs', 'list', '--limit', '0', '--store', 'x'], '--limit is 0; give a whole number from 1 to 1000'],
  [
    ['runs', 'list', '--status', 'done', '--store', 'x'],
    '--status has done; give one of running, completed, failed, needs-review, unreadable',
  ],
  [['runs', 'show', '--store', 'x'], 'the id of the run is missing'],
  [['runs', 'settle', 'a', '--store', 'x'], 'give one of --job, --operation and --not-submitted'],
  [['runs', 'settle', 'a', '--job', 'JOB_ID', '--store', 'x'], '--job is JOB_ID; give the id of the job in its place'],
  [
    ['runs', 'settle', 'a', '--job', 'b', '--generator', 'GENERATOR', '--store', 'x'],
    '--generator is GENERATOR; give the name of the generator in its place',
  ],
  [
    ['runs', 'settle', 'a', '--job', 'b', '--not-submitted', '--store', 'x'],
    'give one of --job, --operation and --not-submitted',
  ],
  [['runs', 'settle', 'a', '--not-submitted', '--generator', 'g', '--store', 'x'], '--generator is only for a job'],
  [
    ['runs', 'settle', 'a', '--operation', 'video_1', '--store', 'x'],
    `--operation is not JSON; give it in quotation marks, such as '{"id":"video_123"}'`,
  ],
  [['runs', 'retry', 'a', '--store', 'x'], '--config is missing: a retry needs the pipeline, which submits the job'],
  [['runs', 'adopt', '{}', '--store', 'x'], '--config is missing: a job is adopted by the pipeline, which polls it'],
  [
    ['runs', 'prune', '--store', 'x', '--ended-before', 'yesterday'],
    '--ended-before is yesterday; give an instant such as 2026-01-31, or an age such as 30d, 12h or 90m',
  ],
  [
    ['runs', 'prune', '--store', 'x', '--ended-before', '2999-01-01'],
    '--ended-before is 2999-01-01, which is in the future; give an instant such as 2026-01-31, or an age such as 30d, 12h or 90m',
  ],
  [['migrate'], '--store is missing; give a path or a URL, or set SORA_PIPELINE_STORE'],
  [['doctor', '--config', 'x', '--env'], 'give one of --config and --env'],
  [['demo', '--jsn', '--srve'], '--jsn is unknown, did you mean --json?; --srve is unknown, did you mean --serve?'],
])('%j is a wrong command line: %s', async (args, problem) => {
  const terminal = fakeTerminal()
  expect(await runCommandLine(args, terminal)).toBe(2)
  const [line, ...more] = terminal.err().split('\nRun ')
  expect(line).toBe(`Could not read the command line: ${problem}`)
  expect(terminal.out()).toBe('')
  expect(terminal.signals.eventNames()).toEqual([])
  // The help that it names is that of the command, and exists.
  const named = /^sora-pipeline (.*--help) for the (?:options|commands|commands and options)\n$/.exec(String(more))?.[1]
  const known = ['demo', 'doctor', 'migrate', 'play', 'runs', ...RUNS.split(', ')]
  const words = args.filter((arg) => known.includes(arg) && args[0] !== '--help')
  expect(named).toBe([...words, '--help'].join(' '))
  const help = fakeTerminal()
  expect(await runCommandLine(String(named).split(' '), help)).toBe(0)
  expect(help.out()).toContain(`Usage: sora-pipeline ${words.join(' ')}`)
})

test('an argument with characters that a terminal would obey is shown without them', async () => {
  const terminal = fakeTerminal()
  expect(await runCommandLine(['runs', '\u001b[2J'], terminal)).toBe(2)
  expect(terminal.err()).toMatch(/line: \\u001b\[2J is unknown/)
})

test.each([['runs'], ...RUNS.split(', ').map((name) => ['runs', name]), ['migrate'], ['doctor']].map((args) => [args]))(
  '%j has a help, in which every option is explained',
  async (args) => {
    const terminal = fakeTerminal()
    expect(await runCommandLine([...args, '--help'], terminal)).toBe(0)
    expect(terminal.out()).toContain(`Usage: sora-pipeline ${args.join(' ')} `)
    expect(terminal.out()).toContain(EXIT_CODE_HELP)
    const [usage = '', ...rest] = terminal.out().split('Options:')
    const named = [...usage.matchAll(/(--[a-z-]+)/g)].map(([, option]) => String(option))
    expect(
      named.filter((option) => args.length > 1 && !`${usage}${rest}`.match(new RegExp(`^ {2}${option}`, 'm'))),
    ).toEqual([])
  },
)

test('the exit codes of --help are those of the commands and of main.ts', () => {
  const shown = [...EXIT_CODE_HELP.matchAll(/^ {2}(\d+) /gm)].map((match) => Number(match[1]))
  const ofMain = Number(/process\.exitCode = (\d+)/.exec(readFileSync('src/cli/main.ts', 'utf8'))?.[1])
  expect(shown).toEqual([...Object.values(EXIT_CODES), ofMain].sort((a, b) => a - b))
})
