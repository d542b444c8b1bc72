import { describe, expect, it } from 'vitest'
import { memoryStore, SoraPipeline } from '../../src/index.js'
import { jsonBinSettings, pipelineFromSettings, settingsFromEnv } from '../../src/settings/index.js'
import { fileStore, sqliteStore } from '../../src/stores/index.js'
import {
  chatCompletionsGenerator,
  directoryUploader,
  googleDriveUploader,
  mirrorResolver,
  originalResolver,
  parseServerResolver,
  s3Uploader,
  soraPublisher,
  storageUploader,
  url2driveUploader,
  urlIngestUploader,
  videosApiGenerator,
  webdavUploader,
} from '../../src/strategies/index.js'
import { fakeGenerator } from '../../src/testing/index.js'
import { leaksIn } from './leaks.js'
import { partsOf, SECRET_FORMATS, type SecretFormat } from './secret-formats.js'

type Factory = (options: never) => unknown

const VARIABLES = [
  ...['SORA_API', 'SORA_BASE_URL', 'SORA_MODEL', 'SORA_API_KEY', 'SORA_PUBLISH_TOKEN', 'WATERMARK_FREE_ENABLED'],
  ...['WATERMARK_FREE_PARSE_METHOD', 'WATERMARK_FREE_CUSTOM_URL', 'WATERMARK_FREE_HOSTS', 'WATERMARK_FREE_PATH'],
  ...['GOOGLE_DRIVE_KIND', 'GOOGLE_DRIVE_SPACES', 'GOOGLE_DRIVE_FOLDER_ID', 'GOOGLE_DRIVE_PASSWORD', 'JSONBIN_BIN_ID'],
  ...['JSONBIN_MASTER_KEY', 'SORA_TOTAL_TIMEOUT_MS'],
]

// A value that is pasted into the wrong field is still a credential.
const FACTORIES: readonly (readonly [Factory, Readonly<Record<string, unknown>>])[] = [
  [videosApiGenerator, { baseUrl: 'https://a.example/v1' }],
  [chatCompletionsGenerator, { baseUrl: 'https://a.example/v1', model: 'sora2' }],
  [soraPublisher, { baseUrl: 'https://a.example' }],
  [mirrorResolver, { hosts: ['a.example'] }],
  [parseServerResolver, { baseUrl: 'https://a.example' }],
  [originalResolver, {}],
  [googleDriveUploader, { accessToken: 'x' }],
  [url2driveUploader, { baseUrl: 'https://a.example', password: 'x' }],
  [s3Uploader, { endpoint: 'https://a.example', region: 'x', bucket: 'x', accessKeyId: 'x', secretAccessKey: 'x' }],
  [webdavUploader, { baseUrl: 'https://a.example', user: 'x', password: 'x', publicBaseUrl: 'https://a.example' }],
  [storageUploader, { name: 'x', put: () => 'x' }],
  [urlIngestUploader, { name: 'x', ingest: () => 'x' }],
  [directoryUploader, { directory: '/', publicBaseUrl: 'https://a.example' }],
  [jsonBinSettings, { binId: 'x', masterKey: 'x' }],
  [SoraPipelineOf, { generator: fakeGenerator() }],
  [memoryStore, {}],
  [fileStore, { directory: '/' }],
  [sqliteStore, { path: '/a.db' }],
]
const FIELDS = [
  ...['baseUrl', 'name', 'label', 'model', 'encoding', 'secondsType', 'videoInput', 'timeoutMs', 'createTimeoutMs'],
  ...['maxAnswerBytes', 'serverErrors', 'idempotency', 'lookup', 'settleMs', 'allowPrivateAddresses', 'idleTimeoutMs'],
  ...['imageUrls', 'timeoutMs', 'postText', 'hosts', 'path', 'syncTimeoutMs', 'minBytes', 'token', 'shareUrl', 'prove'],
  ...[
    'folderId',
    'share',
    'fileName',
    'chunkBytes',
    'maxAttempts',
    'apiName',
    'userName',
    'wakeTimeoutMs',
    'directory',
  ],
  ...['publicBaseUrl', 'binId', 'masterKey', 'accessKey', 'allowedHosts', 'initial', 'onWarning', 'generator', 'store'],
  ...[
    'deadlines',
    'leaseMs',
    'clock',
    'pollSchedule',
    'uploader',
    'maxEnded',
    'apiKey',
    'accessToken',
    'password',
    'headers',
  ],
  ...['endpoint', 'region', 'bucket', 'accessKeyId', 'secretAccessKey', 'sessionToken', 'credentials', 'key', 'url'],
  ...['onExisting', 'addressing', 'partBytes', 'multipartFromBytes', 'user', 'put', 'ingest', 'givesPageUrl'],
]

describe.each(SECRET_FORMATS.map((format, index) => ({ name: format.name, format, index })))(
  '$name',
  ({ format, index }) => {
    it('is in no error when it is given in a wrong place', () => {
      const leaks = FACTORIES.flatMap(([factory, options], f) =>
        FIELDS.flatMap((field, at) =>
          shownBy(factory, { ...options, [field]: wrongValue(format, index + f + at) }, format),
        ),
      )
      expect(leaks).toEqual([])
    })

    it('is in no error of the environment or of settings', () => {
      const names = [...VARIABLES, `SORA_${format.secret}`]
      const leaks = names.flatMap((name) =>
        shownBy(settingsFromEnv as Factory, { SORA_BASE_URL: 'https://a.example', [name]: format.secret }, format),
      )
      const wrong = ['api', 'baseUrl', 'model', 'unknown', format.secret].flatMap((field, at) =>
        shownBy(pipelineFromSettings as Factory, { generator: { [field]: wrongValue(format, index + at) } }, format),
      )
      expect([...leaks, ...wrong]).toEqual([])
    })
  },
)

function wrongValue({ secret }: SecretFormat, turn: number): unknown {
  const values = [
    secret,
    ` ${secret}`,
    `https://user:${encodeURIComponent(secret)}@a.example`,
    `ftp://a.example/?key=${secret}#${secret}`,
    [secret],
    { [secret]: secret },
    { 'x-key': `${secret}\n` },
  ]
  return values[turn % values.length]
}

function shownBy(factory: Factory, options: object, format: SecretFormat): readonly string[] {
  try {
    factory(options as never)
    return []
  } catch (error) {
    return leaksIn(error, partsOf(format)).map((leak) => `${factory.name} ${Object.keys(options).at(-1)}: ${leak}`)
  }
}

function SoraPipelineOf(options: never): SoraPipeline {
  return new SoraPipeline(options)
}
