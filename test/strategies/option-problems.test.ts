import { expect, test } from 'vitest'
import { ConfigurationError } from '../../src/contracts/input-errors.js'
import {
  directoryUploader,
  mirrorResolver,
  originalResolver,
  type VideosApiGeneratorOptions,
  videosApiGenerator,
} from '../../src/strategies/index.js'

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
    requestTimeoutMs: 0,
    createTimeoutMs: -1,
    maxAnswerBytes: 1,
    serverErrors: 'x',
    idempotency: 'x',
  } as unknown as VideosApiGeneratorOptions
  expect(problemsOf(() => videosApiGenerator(wrong))).toEqual([
    'name',
    'baseUrl',
    'apiKey',
    'model',
    'encoding',
    'secondsType',
    'videoInput',
    'headers["x-a"]',
    'requestTimeoutMs',
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

test('what can work is accepted', () => {
  const generator = videosApiGenerator({
    baseUrl: 'https://api.example/v1',
    apiKey: () => 'k',
    headers: { 'x-empty': '' },
    requestTimeoutMs: Number.POSITIVE_INFINITY,
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
  expect(problemsOf(() => directoryUploader(odd))).toEqual(['directory', 'publicBaseUrl', 'publicBaseUrl', 'fileName'])
})
