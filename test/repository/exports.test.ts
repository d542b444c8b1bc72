import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { exportedNames, ROOT } from './source-files.js'

interface Target {
  readonly types: string
  readonly default: string
}

const {
  exports: targets,
  name: packageName,
  bin,
  engines,
} = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly name: string
  readonly exports: Readonly<Record<string, Target | string>>
  readonly bin: Readonly<Record<string, string>>
  readonly engines: { readonly node: string }
}
const SUBPATHS = Object.keys(targets).filter((subpath) => subpath !== './package.json')

// What users import by value, by hand from the contract: a change here is a change of the public interface.
const VALUE_NAMES: Readonly<Record<string, readonly string[]>> = {
  '.': [
    'AllStrategiesFailedError',
    'AuthenticationError',
    'CircuitOpenError',
    'ConfigurationError',
    'ContentRejectedError',
    'FencedError',
    'GenerationFailedError',
    'InvalidRequestError',
    'NetworkError',
    'NoUsableUrlError',
    'OverloadedError',
    'QuotaExceededError',
    'RETAINED_MS',
    'RateLimitError',
    'RegionError',
    'RunStateError',
    'SoraPipeline',
    'SoraPipelineError',
    'StageTimeoutError',
    'SubmissionUnknownError',
    'UpstreamHttpError',
    'UpstreamResponseError',
    'balance',
    'chineseTexts',
    'englishTexts',
    'fallback',
    'followRun',
    'isRetainedAt',
    'isSoraPipelineError',
    'memoryStore',
    'paceSchedule',
    'race',
    'retainedRun',
    'storedRuns',
    'toChatCompletion',
    'toChatCompletionChunks',
    'toEventStream',
    'toMermaid',
    'toOpenAiError',
    'toSse',
    'withCircuitBreaker',
    'withRetry',
    'withTimeout',
  ],
  './strategies': [
    'arkGenerator',
    'chatCompletionsGenerator',
    'dashscopeGenerator',
    'directoryUploader',
    'errorFromResponse',
    'falGenerator',
    'geminiVideoGenerator',
    'googleDriveUploader',
    'memoryVideo',
    'minimaxGenerator',
    'mirrorResolver',
    'networkErrorFrom',
    'originalResolver',
    'parseServerResolver',
    'remoteVideo',
    'replicateGenerator',
    'runwayGenerator',
    's3Uploader',
    'soraPublisher',
    'storageUploader',
    'taskApiGenerator',
    'url2driveUploader',
    'urlIngestUploader',
    'videoModelGenerator',
    'videosApiGenerator',
    'webdavUploader',
  ],
  './ai-sdk': ['toVideoModel'],
  './settings': ['jsonBinSettings', 'pipelineFromSettings', 'settingsFromEnv', 'settingsSchema', 'sora2apiPreset'],
  './jobs': ['createQueueRunner', 'createWorker'],
  './http': [
    'abandonedWebhooks',
    'createHandler',
    'createWakeUrl',
    'sendNodeResponse',
    'toNodeListener',
    'verifyWebhook',
  ],
  './stores': ['fileStore', 'postgresStore', 'redisStore', 'sqliteStore'],
  './otel': ['instrument'],
  './testing': [
    'clockConformance',
    'cutReply',
    'fakeContext',
    'fakeGenerator',
    'fakePublisher',
    'fakeResolver',
    'fakeSource',
    'fakeTaskGenerator',
    'fakeUploader',
    'faultServer',
    'generatorConformance',
    'gzipBomb',
    'manualClock',
    'neverReply',
    'publisherConformance',
    'reply',
    'replyFile',
    'replyJson',
    'replyRaw',
    'resetConnection',
    'resolverConformance',
    'runStoreConformance',
    'slowReply',
    'uploaderConformance',
  ],
  './sandbox': ['makeVideo', 'startSandbox'],
}

test('every subpath has an entry file, and every entry file a subpath', () => {
  const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true })
  const entries = folders.filter((folder) => existsSync(join(ROOT, 'src', folder.name, 'index.ts')))
  expect(['.', ...entries.map((folder) => `./${folder.name}`)].sort()).toEqual([...SUBPATHS].sort())
})

test.each(SUBPATHS)('%s has its built files, types first', (subpath) => {
  const target = targets[subpath] as Target
  // The main entry has a file for loaders that change files as well.
  const conditions = subpath === '.' ? ['types', 'module', 'module-sync', 'default'] : ['types', 'default']
  expect(Object.keys(target)).toEqual(conditions)
  for (const file of Object.values(target)) expect(existsSync(join(ROOT, file)), `build ${file}`).toBe(true)
})

test.each(SUBPATHS)('%s exports the values that it promises', (subpath) => {
  expect(exportedNames(entryText(subpath)).values).toEqual([...(VALUE_NAMES[subpath] ?? [])].sort())
})

test.each(SUBPATHS)(
  '%s, as it was built, can be imported by name and has the values of its entry file',
  async (subpath) => {
    const built: object = await import(subpath.replace('.', packageName))
    expect(Object.keys(built).sort()).toEqual(exportedNames(entryText(subpath)).values)
  },
)

test.each(SUBPATHS)('%s exports no name twice, and types in the names of the style', (subpath) => {
  const { values, types } = exportedNames(entryText(subpath))
  expect(new Set([...values, ...types]).size).toBe(values.length + types.length)
  expect(types.filter((name) => !/^[A-Z][A-Za-z0-9]*$/.test(name))).toEqual([])
})

test('the command of the package is its one program, which is built, and refuses the Nodes that the package does not support', () => {
  expect(bin).toEqual({ [packageName]: 'dist/cli/main.js' })
  const file = join(ROOT, 'dist/cli/main.js')
  const text = readFileSync(file, 'utf8')
  expect(text).toMatch(/^#!\/usr\/bin\/env node\n/)
  expect(statSync(file).mode & 0o111).not.toBe(0)
  expect(engines.node).toBe(`>=${/OLDEST_NODE = "([\d.]+)"/.exec(text)?.[1]}`)
})

test('the program imports nothing before it has checked the version of Node', () => {
  expect(readFileSync(join(ROOT, 'dist/cli/main.js'), 'utf8')).not.toMatch(/^import\b/m)
})

function entryText(subpath: string): string {
  return readFileSync(join(ROOT, 'src', subpath, 'index.ts'), 'utf8')
}
