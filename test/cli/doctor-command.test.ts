import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLoopbackS3 } from '../../examples/loopback-s3.ts'
import { SoraPipeline, SubmissionUnknownError } from '../../src/index.js'
import { type Sandbox, startSandbox } from '../../src/sandbox/index.js'
import { sqliteStore } from '../../src/stores/index.js'
import { fakeGenerator } from '../../src/testing/index.js'
import { isPostgresSkipped, startPostgres } from '../stores/servers/postgres-server.js'
import { isRedisSkipped, startRedis } from '../stores/servers/redis-server.js'
import { freePort } from '../support/free-port.js'
import { type OperatorProject, operatorProject } from './operator-project.js'

// The built command on real servers; every request of it only reads.

let sandbox: Sandbox
let project: OperatorProject
let variables: Readonly<Record<string, string>>
beforeAll(async () => {
  ;[sandbox, project] = await Promise.all([startSandbox(), operatorProject()])
  variables = {
    SORA_BASE_URL: sandbox.videosApi.baseUrl,
    SORA_API_KEY: sandbox.videosApi.apiKey,
    WATERMARK_FREE_ENABLED: 'true',
    WATERMARK_FREE_HOSTS: sandbox.mirrors.join(','),
    SORA_PUBLISH_BASE_URL: sandbox.posts.baseUrl,
    SORA_DIRECTORY: project.folder,
    SORA_DIRECTORY_BASE_URL: 'https://videos.example',
  }
  await project.command(['migrate', '--store', 'runs.db'])
})
afterAll(async () => {
  await Promise.all([sandbox.close(), project.remove()])
})

async function doctor(args: readonly string[], env: Readonly<Record<string, string>> = variables) {
  const { code, stdout, stderr } = await project.command(['doctor', ...args, '--json'], env)
  expect(stderr).toBe('')
  return { code, text: stdout, report: JSON.parse(stdout) }
}

describe('doctor', () => {
  it('finds no problem where all is well, shows the configuration without secrets, and costs nothing', async () => {
    const { code, text, report } = await doctor(['--store', 'runs.db'])
    expect(report.problems).toEqual([])
    expect(code).toBe(0)
    expect(report.configuration).toMatchObject({
      source: 'the environment',
      values: {
        generator: { kind: 'videos-api', baseUrl: sandbox.videosApi.baseUrl },
        credentials: { soraApiKey: 'set' },
        deadlines: { generateMs: 1_800_000 },
      },
    })
    expect(text).not.toContain(sandbox.videosApi.apiKey)
    expect(report.store).toEqual({
      kind: 'sqlite',
      durability: {
        kind: 'sqlite',
        place: expect.stringMatching(/^\/.*\.(?:db|sqlite)$/),
        survives: 'power-cut',
        sharedBy: 'one-machine',
      },
      isReached: true,
      durationMs: expect.any(Number),
      runsInReview: 0,
    })
    expect(report.promises).toContainEqual({ promise: 'restart', holds: true, note: expect.any(String) })
    expect(report.promises).toContainEqual({ promise: 'many-machines', holds: false, note: expect.any(String) })
    const services = report.services as readonly { stage: string; url?: string; outcome: string; durationMs?: number }[]
    expect(services.map(({ stage, url, outcome }) => [stage, url, outcome])).toEqual([
      ['generate', sandbox.videosApi.baseUrl, 'ok'],
      ['publish', sandbox.posts.baseUrl, 'ok'],
      ...sandbox.mirrors.map((mirror) => ['resolve', mirror, 'ok']),
      ['resolve', undefined, 'unchecked'],
      ['upload', 'https://videos.example', 'ok'],
    ])
    expect(sandbox.requestsTo('videos.create')).toHaveLength(0)
  })

  it('prints the same for a person', async () => {
    const { code, stdout } = await project.command(['doctor', '--store', 'runs.db'], variables)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^ {2}generator\.baseUrl +http:\/\/127\.0\.0\.1:\d+\/v1$/m)
    expect(stdout).toMatch(/^ {2}credentials\.soraApiKey +set$/m)
    expect(stdout).toMatch(/^ {2}sqlite +\/\S+\/runs\.db: answers in \d+ ms$/m)
    expect(stdout).toMatch(/^ {2}generate +videos-api at \S+: passes its check in \d+ ms$/m)
    expect(stdout).toMatch(/^No problems$/m)
    expect(stdout).not.toContain('\u001b')
  })

  it('counts the runs that wait for a person, which is no problem of the configuration', async () => {
    const store = sqliteStore({ path: join(project.folder, 'review.db') })
    const outcome = new SubmissionUnknownError('Could not say')
    const pipeline = new SoraPipeline({ generator: fakeGenerator({ outcome }), store })
    await expect(pipeline.generate({ prompt: 'A cat' })).rejects.toBe(outcome)
    await pipeline.close()
    await store.close()
    const { code, report } = await doctor(['--store', 'review.db'])
    expect([code, report.problems, report.store.runsInReview]).toEqual([0, [], 1])
    const { stdout } = await project.command(['doctor', '--store', 'review.db'], variables)
    expect(stdout).toMatch(/^ {2}runs in review +1; see sora-pipeline runs list --status needs-review$/m)
  })

  it('names a wrong key, a server that is down, a mirror that fails, and the lack of a store', async () => {
    const port = await freePort()
    sandbox.setFaults({ 'mirror-2': { kind: 'status', status: 503 } })
    const { code, text, report } = await doctor([], {
      ...variables,
      SORA_API_KEY: 'sk-wrong-key-of-the-tests',
      SORA_PUBLISH_BASE_URL: `http://127.0.0.1:${port}`,
    })
    sandbox.clearFaults()
    expect(code).toBe(1)
    expect(text).not.toContain('sk-wrong-key')
    expect(report.problems).toEqual([
      'runs end with the process: no store is configured, or memoryStore()',
      expect.stringMatching(/^videos-api at http:\S+: Could not check the access: 127\.0\.0\.1:\d+ answered 401/),
      `sora-publisher at http://127.0.0.1:${port}: ECONNREFUSED`,
      `mirror at ${sandbox.mirrors[1]}: it answered with status 503`,
    ])
    expect(report.store.kind).toBe('memory')
  })

  it('reports a mistyped variable, and a store that is not there', async () => {
    const { code, report } = await doctor(['--store', 'absent.db'], { SORA_BASE_URI: 'https://gateway.example/v1' })
    expect(code).toBe(1)
    expect(report.problems).toEqual([
      expect.stringContaining('SORA_BASE_URI'),
      expect.stringContaining('Could not open the store: absent.db does not exist'),
    ])
    expect(report.store.isReached).toBe(false)
  })

  it('checks the bucket of an s3Uploader in a configuration', async () => {
    const s3 = await startLoopbackS3()
    const of = (endpoint: string) => `import { s3Uploader, videosApiGenerator } from 'sora-pipeline/strategies'
export const options = {
  generator: videosApiGenerator(${JSON.stringify(sandbox.videosApi)}),
  uploader: s3Uploader({ endpoint: '${endpoint}', region: 'auto', bucket: 'my-videos', accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'the-secret-of-the-keys' }),
}
`
    try {
      await project.write('good.mjs', of(s3.endpoint))
      const good = await doctor(['--config', 'good.mjs', '--store', 'runs.db'])
      expect(good.report.problems).toEqual([])
      expect(good.report.services).toContainEqual(
        expect.objectContaining({ strategy: 's3', url: `${s3.endpoint}/my-videos`, outcome: 'ok', isChecked: true }),
      )
      // A path that the store does not have, as a bucket that does not exist.
      await project.write('bad.mjs', of(`${s3.endpoint}/elsewhere`))
      const bad = await doctor(['--config', 'bad.mjs', '--store', 'runs.db'])
      expect(bad.code).toBe(1)
      expect(bad.report.problems).toEqual([
        expect.stringMatching(/^s3 at http:\S+\/elsewhere\/my-videos: Could not read the bucket/),
      ])
      expect(bad.text).not.toContain('the-secret-of-the-keys')
    } finally {
      await s3.close()
    }
  })

  describe('of a store that the configuration has as an object', () => {
    const holding = (report: { readonly promises: readonly { promise: string; holds: unknown }[] }) =>
      Object.fromEntries(report.promises.map(({ promise, holds }) => [promise, holds]))
    const generator = () => `videosApiGenerator(${JSON.stringify(sandbox.videosApi)})`
    const IMPORTS = `import { memoryStore, SoraPipeline } from 'sora-pipeline'
import { fileStore, sqliteStore } from 'sora-pipeline/stores'
import { videosApiGenerator } from 'sora-pipeline/strategies'
const { durability, ...undeclared } = memoryStore()
`

    it.each([
      ["sqliteStore({ path: 'objects.db' })", 'sqlite'],
      ["fileStore({ directory: 'objects' })", 'file'],
    ])('knows what holds with %s, in options and in a pipeline', async (code, kind) => {
      await project.write(
        'options.mjs',
        `${IMPORTS}export const options = { generator: ${generator()}, store: ${code} }`,
      )
      const ofOptions = await doctor(['--config', 'options.mjs'])
      await project.write(
        'pipeline.mjs',
        `${IMPORTS}export const pipeline = new SoraPipeline({ generator: ${generator()}, store: ${code} })`,
      )
      const ofPipeline = await doctor(['--config', 'pipeline.mjs'])
      for (const { code: exit, report } of [ofOptions, ofPipeline]) {
        expect([exit, report.problems]).toEqual([0, []])
        expect(report.store).toMatchObject({ kind, isReached: true })
        expect(holding(report)).toEqual({
          restart: true,
          'power-cut': true,
          'many-processes': true,
          'many-machines': false,
        })
      }
    })

    it('reports a pipeline whose runs are only in memory', async () => {
      await project.write('pipeline.mjs', `${IMPORTS}export default new SoraPipeline({ generator: ${generator()} })`)
      const { code, report } = await doctor(['--config', 'pipeline.mjs'])
      expect(code).toBe(1)
      expect(report.problems).toEqual(['runs end with the process: no store is configured, or memoryStore()'])
      expect(report.store.kind).toBe('memory')
      expect(holding(report).restart).toBe(false)
    })

    it('believes what a store of your own declares, and checks its server', async () => {
      const own = `{ ...undeclared, durability: { kind: 'dynamo', survives: 'restart', sharedBy: 'many-machines' }, checkServer: async () => JSON.parse(process.env.PROBLEMS) }`
      await project.write('own.mjs', `${IMPORTS}export const options = { generator: ${generator()}, store: ${own} }`)
      const good = await doctor(['--config', 'own.mjs'], { PROBLEMS: '[]' })
      expect([good.code, good.report.store.kind]).toEqual([0, 'custom'])
      expect(holding(good.report)).toEqual({
        restart: true,
        'power-cut': false,
        'many-processes': true,
        'many-machines': true,
      })
      const { stdout } = await project.command(['doctor', '--config', 'own.mjs'], { PROBLEMS: '[]' })
      expect(stdout).toMatch(/^ {2}dynamo +answers in \d+ ms$/m)
      const bad = await doctor(['--config', 'own.mjs'], {
        PROBLEMS: JSON.stringify([{ setting: 'backups', value: 'off', fix: 'switch them on' }]),
      })
      expect([bad.code, bad.report.problems]).toEqual([1, ['backups of the store is off: switch them on']])
      expect(holding(bad.report).restart).toBe(false)
    })

    it.each([['undeclared'], ["{ ...undeclared, durability: 'yes' }"]])(
      'does not know what holds with %s, and says how to declare it',
      async (store) => {
        await project.write(
          'own.mjs',
          `${IMPORTS}export const options = { generator: ${generator()}, store: ${store} }`,
        )
        const { report } = await doctor(['--config', 'own.mjs'])
        expect(report.promises).toEqual([
          { promise: 'restart', holds: 'unknown', note: expect.stringContaining('durability') },
        ])
      },
    )
  })

  describe('of settings in a JSONBin', () => {
    const bin = () => ({
      JSONBIN_BIN_ID: sandbox.jsonBin.binId,
      JSONBIN_MASTER_KEY: sandbox.jsonBin.masterKey,
      JSONBIN_BASE_URL: sandbox.jsonBin.baseUrl,
    })
    const put = (settings: object) =>
      fetch(`${sandbox.jsonBin.baseUrl}/b/${sandbox.jsonBin.binId}`, {
        method: 'PUT',
        headers: { 'x-master-key': sandbox.jsonBin.masterKey, 'content-type': 'application/json' },
        body: JSON.stringify({ format: 'sora-pipeline-settings', version: 1, settings }),
      })

    it('reads the bin, and shows and checks the settings that it has', async () => {
      await put({ watermarkFree: { isEnabled: false } })
      const { code, report, text } = await doctor(['--store', 'runs.db'], { ...variables, ...bin() })
      expect([code, report.problems]).toEqual([0, []])
      expect(report.settingsStore).toEqual({ kind: 'jsonbin', isReached: true, durationMs: expect.any(Number) })
      expect(report.configuration.values.watermarkFree.isEnabled).toBe(false)
      expect(report.services.map(({ stage }: { stage: string }) => stage)).toEqual(['generate', 'upload'])
      expect(report.promises).toContainEqual(expect.objectContaining({ promise: 'settings', holds: true }))
      expect(text).not.toContain(sandbox.jsonBin.masterKey)
      const { stdout } = await project.command(['doctor', '--store', 'runs.db'], { ...variables, ...bin() })
      expect(stdout).toMatch(/^ {2}jsonbin +answers in \d+ ms$/m)
    })

    it('names a bin that cannot be read, and one that sends credentials elsewhere; then the variables count', async () => {
      const lost = await doctor(['--store', 'runs.db'], {
        ...variables,
        ...bin(),
        JSONBIN_MASTER_KEY: 'a-wrong-master-key',
      })
      expect(lost.code).toBe(1)
      expect(lost.report.problems).toEqual([expect.stringContaining('does not give access to the bin')])
      expect(lost.report.configuration.values.watermarkFree.isEnabled).toBe(true)
      expect(lost.report.promises).toContainEqual(expect.objectContaining({ promise: 'settings', holds: false }))
      await put({ generator: { baseUrl: 'https://thief.example/v1' } })
      const foreign = await doctor(['--store', 'runs.db'], { ...variables, ...bin() })
      expect(foreign.report.problems).toEqual([expect.stringContaining('thief.example')])
      expect(foreign.report.services[0].url).toBe(sandbox.videosApi.baseUrl)
    })

    it('reads the bin of live settings in a configuration', async () => {
      await put({ watermarkFree: { isEnabled: false } })
      const { binId, masterKey, baseUrl } = sandbox.jsonBin
      const initial = {
        generator: { kind: 'videos-api', baseUrl: sandbox.videosApi.baseUrl },
        watermarkFree: { isEnabled: true },
      }
      await project.write(
        'live.mjs',
        `import { jsonBinSettings } from 'sora-pipeline/settings'
export const settings = jsonBinSettings(${JSON.stringify({ binId, masterKey, baseUrl, initial })})
export const secrets = { soraApiKey: '${sandbox.videosApi.apiKey}' }
`,
      )
      const { code, report } = await doctor(['--config', 'live.mjs', '--store', 'runs.db'])
      expect([code, report.problems]).toEqual([0, []])
      expect(report.settingsStore).toMatchObject({ kind: 'jsonbin', isReached: true })
      expect(report.configuration.values.watermarkFree.isEnabled).toBe(false)
    })
  })

  it.skipIf(isRedisSkipped)('reports the settings with which Redis breaks the promises', async () => {
    const redis = await startRedis({ appendfsync: 'everysec', 'maxmemory-policy': 'allkeys-lru' })
    try {
      const address = `redis://127.0.0.1:${redis.port}`
      const before = await doctor(['--store', address])
      expect(before.report.problems).toEqual([expect.stringContaining('migrate()')])
      for (const promise of ['restart', 'power-cut']) {
        expect(before.report.promises).toContainEqual(expect.objectContaining({ promise, holds: 'unknown' }))
      }
      const migrated = await project.command(['migrate', '--store', address])
      expect(migrated).toMatchObject({ code: 1, stdout: 'The redis store is ready\n' })
      expect(migrated.stderr).toContain('appendfsync is everysec: set appendfsync to always')
      const { code, report } = await doctor(['--store', address])
      expect(code).toBe(1)
      expect(report.problems).toEqual([
        expect.stringContaining('appendfsync of the store is everysec: set appendfsync to always'),
        expect.stringContaining('maxmemory-policy of the store is allkeys-lru: set maxmemory-policy to noeviction'),
      ])
      expect(report.promises).toContainEqual(expect.objectContaining({ promise: 'power-cut', holds: false }))
    } finally {
      await redis.close()
    }
  })

  it.skipIf(isPostgresSkipped)('finds PostgreSQL with its defaults sound, and shows no password', async () => {
    const postgres = await startPostgres()
    try {
      const { user, password, host, port, database } = postgres.config
      const address = `postgres://${user}:${password}@${host}:${port}/${database}`
      const more = { ...variables, SORA_PIPELINE_STORE: address }
      expect(await project.command(['migrate'], more)).toMatchObject({ code: 0, stderr: '' })
      const { code, report, text } = await doctor([], more)
      expect([code, report.problems]).toEqual([0, []])
      expect(report.promises).toContainEqual(expect.objectContaining({ promise: 'many-machines', holds: true }))
      expect(text).not.toContain(password)
      await postgres.close()
      const down = await doctor([], more)
      expect(down.report.problems).toEqual([expect.stringContaining('ECONNREFUSED')])
      expect(down.text).not.toContain(password)
    } finally {
      await postgres.close().catch(() => undefined)
    }
  })
})
