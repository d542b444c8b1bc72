import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigurationError } from '../../src/contracts/input-errors.js'
import { JSON_BIN_VARIABLES, SECRET_VARIABLES, SETTINGS_VARIABLES } from '../../src/settings/env-variables.js'
import { settingsFromEnv } from '../../src/settings/settings-from-env.js'
import { sora2apiPreset } from '../../src/settings/sora2api-preset.js'
import { problemsOf } from './problems-of.js'

const KNOWN = [SETTINGS_VARIABLES, SECRET_VARIABLES, JSON_BIN_VARIABLES].flatMap((table) => Object.keys(table))

describe('settingsFromEnv', () => {
  it('reads nothing from nothing', () => {
    const { settings, secrets, ...rest } = settingsFromEnv({ PATH: '/bin', SORA_BASE_URL: ' ', JSONBIN_BIN_ID: '' })
    expect(settings).toMatchObject({ version: 1, watermarkFree: { isEnabled: false }, googleDrive: { spaces: [] } })
    expect([settings.generator, secrets, rest]).toEqual([undefined, {}, {}])
  })

  it('reads every variable', () => {
    const read = settingsFromEnv({
      SORA_API: 'Chat',
      SORA_BASE_URL: 'https://gateway.example/v1\n',
      SORA_API_KEY: ' key-1 ',
      SORA_MODEL: 'sora2-landscape-10s',
      SORA_PUBLISH_BASE_URL: 'https://gateway.example/backend',
      SORA_PUBLISH_TOKEN: 'token-1',
      SORA_DIRECTORY: './videos',
      SORA_DIRECTORY_BASE_URL: 'https://media.example',
      SORA_GENERATE_TIMEOUT_MS: '1',
      SORA_PUBLISH_TIMEOUT_MS: '2',
      SORA_RESOLVE_TIMEOUT_MS: '3',
      SORA_UPLOAD_TIMEOUT_MS: '4',
      SORA_TOTAL_TIMEOUT_MS: '5',
      WATERMARK_FREE_ENABLED: 'on',
      WATERMARK_FREE_PARSE_METHOD: 'CUSTOM',
      WATERMARK_FREE_CUSTOM_URL: 'https://parse.example',
      WATERMARK_FREE_CUSTOM_TOKEN: 'token-2',
      WATERMARK_FREE_HOSTS: 'cdn1.example, cdn2.example',
      WATERMARK_FREE_PATH: '/{videoId}.mp4',
      WATERMARK_FREE_SYNC_TIMEOUT_MS: '0',
      GOOGLE_DRIVE_ENABLED: 'No',
      GOOGLE_DRIVE_KIND: 'Drive',
      GOOGLE_DRIVE_PASSWORD: 'pässwörd',
      GOOGLE_DRIVE_SPACES: 'a-url2drive.hf.space b-url2drive.hf.space',
      GOOGLE_DRIVE_SPACES_TOKEN: 'token-3',
      GOOGLE_DRIVE_ACCESS_TOKEN: 'token-4',
      GOOGLE_DRIVE_FOLDER_ID: 'folder-1',
      JSONBIN_BIN_ID: 'bin1',
      JSONBIN_ACCESS_KEY: 'key-2',
      JSONBIN_BASE_URL: 'https://bins.example/v3',
    })
    expect(read).toEqual({
      settings: {
        version: 1,
        generator: { kind: 'chat-completions', baseUrl: 'https://gateway.example/v1', model: 'sora2-landscape-10s' },
        publisher: { baseUrl: 'https://gateway.example/backend' },
        watermarkFree: { isEnabled: true, parseMethod: 'custom', customUrl: 'https://parse.example' },
        mirrors: { hosts: ['cdn1.example', 'cdn2.example'], path: '/{videoId}.mp4', syncTimeoutMs: 0 },
        googleDrive: {
          isEnabled: false,
          kind: 'drive',
          spaces: ['a-url2drive.hf.space', 'b-url2drive.hf.space'],
          folderId: 'folder-1',
        },
        directory: { path: './videos', publicBaseUrl: 'https://media.example' },
        deadlines: { generateMs: 1, publishMs: 2, resolveMs: 3, uploadMs: 4, totalMs: 5 },
      },
      secrets: {
        soraApiKey: 'key-1',
        publishToken: 'token-1',
        customParseToken: 'token-2',
        googleDrivePassword: 'pässwörd',
        huggingFaceToken: 'token-3',
        googleDriveAccessToken: 'token-4',
      },
      jsonBin: { binId: 'bin1', accessKey: 'key-2', baseUrl: 'https://bins.example/v3' },
    })
  })

  it.each([
    ['true', true],
    ['1', true],
    ['YES', true],
    ['On', true],
    ['false', false],
    ['0', false],
    ['no', false],
    ['OFF', false],
  ])('%s is %s', (text, value) => {
    expect(settingsFromEnv({ WATERMARK_FREE_ENABLED: text }).settings.watermarkFree.isEnabled).toBe(value)
  })

  it.each([
    [{ GOOGLE_DRIVE_PASSWORD: 'word' }, { isEnabled: true, kind: 'url2drive' }],
    [{ GOOGLE_DRIVE_ACCESS_TOKEN: 'word' }, { isEnabled: true, kind: 'drive' }],
    [
      { GOOGLE_DRIVE_ACCESS_TOKEN: 'a', GOOGLE_DRIVE_PASSWORD: 'b' },
      { isEnabled: true, kind: 'url2drive' },
    ],
    [{ GOOGLE_DRIVE_PASSWORD: 'word', GOOGLE_DRIVE_ENABLED: 'off' }, { isEnabled: false }],
    [{ GOOGLE_DRIVE_SPACES: 'a.example' }, { isEnabled: false }],
  ])('%j switches Google Drive to %j', (env, googleDrive) => {
    expect(settingsFromEnv(env).settings).toMatchObject({ googleDrive })
  })

  it('lays the variables over other settings', () => {
    const env = { WATERMARK_FREE_HOSTS: 'cdn.example', GOOGLE_DRIVE_ENABLED: '0', GOOGLE_DRIVE_ACCESS_TOKEN: 'word' }
    const { settings } = settingsFromEnv(env, sora2apiPreset)
    expect(settings).toMatchObject({ watermarkFree: { isEnabled: true }, mirrors: { hosts: ['cdn.example'] } })
    expect(settings.googleDrive).toEqual({ ...sora2apiPreset.googleDrive, isEnabled: false })
    const off = settingsFromEnv({ GOOGLE_DRIVE_PASSWORD: 'word' }, { googleDrive: { isEnabled: false } })
    expect(off.settings.googleDrive.isEnabled).toBe(false)
  })

  it.each<[Record<string, string>, string, string]>([
    [{ SORA_API: 'grpc' }, 'SORA_BASE_URL', 'nothing'],
    [{ SORA_BASE_URL: 'gateway.example' }, 'SORA_BASE_URL', '"gateway.example"'],
    [{ SORA_MODEL: 'a' }, 'SORA_BASE_URL', 'nothing'],
    [{ SORA_BASE_URL: 'https://a.example', SORA_API: 'chat' }, 'SORA_MODEL', 'nothing'],
    [{ SORA_API_KEY: 'hidden\nhidden' }, 'SORA_API_KEY', 'unusable'],
    [{ SORA_DIRECTORY: 'a' }, 'SORA_DIRECTORY_BASE_URL', 'nothing'],
    [{ SORA_TOTAL_TIMEOUT_MS: '5s' }, 'SORA_TOTAL_TIMEOUT_MS', '"5s"'],
    [{ SORA_TOTAL_TIMEOUT_MS: '0' }, 'SORA_TOTAL_TIMEOUT_MS', '0'],
    [{ WATERMARK_FREE_ENABLED: 'maybe' }, 'WATERMARK_FREE_ENABLED', '"maybe"'],
    [{ WATERMARK_FREE_ENABLED: 'constructor' }, 'WATERMARK_FREE_ENABLED', '"constructor"'],
    [{ WATERMARK_FREE_PARSE_METHOD: 'third-party' }, 'WATERMARK_FREE_PARSE_METHOD', '"third-party"'],
    [{ WATERMARK_FREE_HOSTS: 'a.example,ftp://b' }, 'WATERMARK_FREE_HOSTS[1]', '"ftp://b"'],
    [{ WATERMARK_FREE_MODE: 'on' }, 'WATERMARK_FREE_MODE', 'unknown'],
    [{ GOOGLE_DRIVE_PASWORD: 'hidden' }, 'GOOGLE_DRIVE_PASWORD', 'unknown'],
    [{ SORA_API_KEYS: 'hidden' }, 'SORA_API_KEYS', 'unknown'],
    [{ JSONBIN_ID: 'a' }, 'JSONBIN_ID', 'unknown'],
    [{ JSONBIN_BIN_ID: 'a' }, 'JSONBIN_MASTER_KEY', 'nothing'],
    [{ JSONBIN_MASTER_KEY: 'hidden' }, 'JSONBIN_BIN_ID', 'nothing'],
    [{ JSONBIN_BIN_ID: 'a', JSONBIN_MASTER_KEY: 'b', JSONBIN_ACCESS_KEY: 'c' }, 'JSONBIN_ACCESS_KEY', 'given'],
    [{ JSONBIN_BIN_ID: 'a', JSONBIN_MASTER_KEY: 'ß' }, 'JSONBIN_MASTER_KEY', 'unusable'],
  ])('%j is refused: %s', (env, field, value) => {
    const problems = problemsOf(() => settingsFromEnv(env))
    expect(problems).toContainEqual({ field, value, fix: expect.stringMatching(/./) })
    expect(JSON.stringify(problems)).not.toContain('hidden')
  })

  it('suggests the name that was meant', () => {
    expect(problemsOf(() => settingsFromEnv({ WATERMARK_FREE_ENABLE: 'on' }))[0]?.fix).toBe(
      'name it WATERMARK_FREE_ENABLED',
    )
    expect(problemsOf(() => settingsFromEnv({ JSONBIN_COLLECTION: 'a' }))[0]?.fix).toMatch(
      /^give one of JSONBIN_BIN_ID, /,
    )
  })

  it('leaves the variables of other programs alone', () => {
    const env = { GOOGLE_DRIVE_CLIENT_ID: 'a', SORA_HOME: 'b', SORACHAN: 'c', WATERMARK: 'd', GOOGLE_API_KEY: 'e' }
    expect(settingsFromEnv(env).secrets).toEqual({})
  })

  it('names every problem at once', () => {
    const env = { SORA_BASE_URL: 'x', WATERMARK_FREE_ENABLED: 'x', JSONBIN_BIN_ID: 'x', GOOGLE_DRIVE_KINDS: 'x' }
    const fields = problemsOf(() => settingsFromEnv(env)).map(({ field }) => field)
    expect(fields.sort()).toEqual([
      'GOOGLE_DRIVE_KINDS',
      'JSONBIN_MASTER_KEY',
      'SORA_BASE_URL',
      'WATERMARK_FREE_ENABLED',
    ])
  })

  it('names a field of other settings as it is called there', () => {
    const [problem] = problemsOf(() => settingsFromEnv({}, { mirrors: { path: 'x' } }))
    expect(problem).toMatchObject({ field: 'mirrors.path', value: '"x"' })
  })

  it('shows no secret, not even one in the wrong variable', () => {
    const env = { GOOGLE_DRIVE_PASSWORD: 'canary-word', SORA_BASE_URL: 'canary-word', SORA_API: 'sk-canary12345678' }
    let thrown: unknown
    try {
      settingsFromEnv(env)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(ConfigurationError)
    expect(inspect(thrown, { depth: 12 })).not.toContain('canary')
    expect(JSON.stringify(thrown)).not.toContain('canary')
  })

  it.each([
    [{ SORA_API_KEY: '"canary"' }, 'SORA_API_KEY', /quotes/],
    [{ SORA_API_KEY: 'Bearer canary' }, 'SORA_API_KEY', /begins with 'Bearer'/],
    [{ SORA_MODEL: "'sora-2'" }, 'SORA_MODEL', /quotes/],
    [{ GOOGLE_DRIVE_PASSWORD: '"canary"' }, 'GOOGLE_DRIVE_PASSWORD', /quotes/],
    [{ SORA_MODEL: 5 }, 'SORA_MODEL', /text/],
    [undefined, 'env', /names of variables/],
  ])('%j has an invalid value: %s', (env, field, fix) => {
    const found = problemsOf(() => settingsFromEnv(env as never)).filter((problem) => problem.field === field)
    expect(found).toMatchObject([{ fix: expect.stringMatching(fix) }])
  })

  it('takes any environment, or names its variables', () => {
    const name = fc.oneof(
      fc.constantFrom(...KNOWN),
      fc.string().map((text) => `SORA_${text}`),
      fc.string(),
    )
    fc.assert(
      fc.property(
        fc.dictionary(name, fc.oneof(fc.string(), fc.constantFrom('1', 'https://a.example', 'bin'))),
        (env) => {
          const fields = problemsOf(() => settingsFromEnv(env)).map(({ field }) => field.replace(/\[\d+\]$/, ''))
          return fields.every((field) => KNOWN.includes(field) || Object.hasOwn(env, field))
        },
      ),
      { numRuns: 500 },
    )
  })
})
