import { expect, test } from 'vitest'
import { optionProblem, throwProblems } from '../../src/contracts/check-options.js'
import { ConfigurationError } from '../../src/contracts/input-errors.js'
import { aTimeout, choice, text } from '../../src/contracts/option-rules.js'
import {
  directoryUploader,
  mirrorResolver,
  originalResolver,
  type VideosApiGeneratorOptions,
  videosApiGenerator,
} from '../../src/strategies/index.js'
import { address, credential, headers as headerRule } from '../../src/strategies/option-rules.js'

function problemsOf(make: () => unknown): string[] {
  try {
    make()
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError)
    expect(JSON.stringify(error)).not.toContain('canary')
    return (error as ConfigurationError).problems.map(({ field }) => field)
  }
  return []
}

test('every wrong option is named at once', () => {
  const wrong = {
    name: ' ',
    baseUrl: 'api.example/v1',
    apiKey: '',
    model: '',
    encoding: 'xml',
    secondsType: 'float',
    videoInput: 'mix',
    headers: { 'x-a': 'canary\nb' },
    timeoutMs: 0,
    createTimeoutMs: -1,
    maxAnswerBytes: 1,
    serverErrors: 'x',
    idempotency: 'x',
  } as unknown as VideosApiGeneratorOptions
  expect(problemsOf(() => videosApiGenerator(wrong))).toEqual([
    'name',
    'baseUrl',
    'encoding',
    'secondsType',
    'videoInput',
    'apiKey',
    'model',
    'headers["x-a"]',
    'timeoutMs',
    'createTimeoutMs',
    'maxAnswerBytes',
    'serverErrors',
    'idempotency',
  ])
})

test.each(['https://user:canary-1@api.example/v1', 'ftp://canary-1@api.example', '', undefined, 'http://'])(
  'refuses the base address %j without showing what is secret in it',
  (baseUrl) => {
    expect(problemsOf(() => videosApiGenerator({ baseUrl: baseUrl as string }))).toEqual(['baseUrl'])
  },
)

test('valid options are accepted', () => {
  const generator = videosApiGenerator({
    baseUrl: 'https://api.example/v1',
    apiKey: () => 'k',
    headers: { 'x-empty': '' },
    timeoutMs: Number.POSITIVE_INFINITY,
    label: 'My server',
    idempotency: 'key',
  })
  expect(generator).toMatchObject({
    name: 'videos-api',
    label: 'My server',
    submission: { idempotency: 'key', lookup: 'none' },
  })
  expect(problemsOf(() => videosApiGenerator({ baseUrl: 'https://api.example', apiKey: 'k\u00e9y-canary' }))).toEqual([
    'apiKey',
  ])
})

test('the other factories do the same', () => {
  const hosts = ['a.example', 'ftp://b.example', 'https://u:canary@c.example', 'd.example?token=canary']
  expect(problemsOf(() => mirrorResolver({ hosts, path: 'x', timeoutMs: 0, syncTimeoutMs: -1, minBytes: -1 }))).toEqual(
    ['hosts[1]', 'hosts[2]', 'hosts[3]', 'path', 'timeoutMs', 'syncTimeoutMs', 'minBytes'],
  )
  expect(problemsOf(() => mirrorResolver({ hosts: [] }))).toEqual(['hosts'])
  expect(problemsOf(() => mirrorResolver({ hosts: undefined as unknown as string[] }))).toEqual(['hosts'])
  expect(problemsOf(() => originalResolver({ name: '' }))).toEqual(['name'])
  const odd = { directory: '', publicBaseUrl: 'x?y', fileName: 'a' } as unknown as Parameters<
    typeof directoryUploader
  >[0]
  expect(problemsOf(() => directoryUploader(odd))).toEqual(['directory', 'publicBaseUrl', 'fileName'])
})

const addressFix = 'give an absolute http or https address, such as E'
const userFix = 'leave user name and password out, and give apiKey'
const problem = (value: string, fix: string) => [{ field: 'f', value, fix }]

test.each([
  [text('F'), ' ', problem('" "', 'F')],
  [text('F'), 7, problem('7', 'F')],
  [text('F'), 'x', []],
  [address('E'), 'https://a.example/v1?key=1', []],
  [address('E'), 7, problem('7', addressFix)],
  [address('E'), 'a.example?key=canary#x', problem('"a.example"', addressFix)],
  [address('E'), 'ftp://u:canary@a.example/b', problem('"ftp://a.example/b"', addressFix)],
  [address('E', 'apiKey'), 'https://u:canary@a.example/b', problem('"https://a.example/b"', userFix)],
  [address('E', 'apiKey'), 'http://u@a.example', problem('"http://a.example"', userFix)],
  [
    address('E'),
    'http://a.example:6000/v1',
    problem('"http://a.example:6000/v1"', 'use another port: fetch refuses port 6000'),
  ],
  [address('E'), 'http://a.example:6001/v1', []],
  [credential, () => '', []],
  [credential, 'key', []],
  [credential, '', problem('unusable', 'it is empty; leave the option out for no key')],
  [credential, '"key"', problem('unusable', 'it has quotes around it; remove them')],
  [credential, 'Bearer key', problem('unusable', "it begins with 'Bearer', which is added to it, leave it out")],
  [credential, ' key', problem('unusable', 'it has blanks around it; remove them')],
  [aTimeout, 0.5, []],
  [aTimeout, 2_147_483_647, []],
  [aTimeout, Number.POSITIVE_INFINITY, []],
  ...[0, -1, 2_147_483_648, Number.NaN, '5', undefined].map(
    (value) =>
      [
        aTimeout,
        value,
        [{ field: 'f', fix: 'give milliseconds above 0 and at most 2147483647, or Infinity' }],
      ] as const,
  ),
  [choice('a', 'b'), 'a', []],
  [choice('a', 'b'), 'c', problem('"c"', 'give a or b')],
  [choice('a', 'b'), ['a'], [{ field: 'f', fix: 'give a or b' }]],
] as const)('a rule names the field, the value and what to give', (rule, value, expected) => {
  const found = rule.problems('f', value).filter((one) => one !== undefined)
  expect(found).toHaveLength(expected.length)
  expect(found).toMatchObject(expected)
})

test('headers that cannot be sent are named without their values', () => {
  const headers = {
    'x-fine': 'text',
    'x-empty': '',
    "!#$%&'*+.^`|~-_9": 'x',
    'x y': 'a',
    '': 'b',
    'x-text': 'canary\n',
    'x-bad': 'ü',
  }
  const fix = 'give a header name, and ASCII text without line breaks'
  expect(headerRule.problems('headers', headers)).toEqual(
    ['"x y"', '""', '"x-text"', '"x-bad"'].map((name) => ({ field: `headers[${name}]`, value: 'unusable', fix })),
  )
  expect(headerRule.problems('headers', ['x: y'])).toMatchObject([{ field: 'headers', value: 'unusable' }])
})

test('no problem gives no message, and the subject is named', () => {
  expect(() => throwProblems('mine', [undefined])).not.toThrow()
  expect(() => throwProblems('mine', [undefined, optionProblem('f', 7, 'F')])).toThrow(/mine.*f is 7.*F/s)
})
