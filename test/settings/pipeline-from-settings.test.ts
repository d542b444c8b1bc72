import { inspect } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { PipelineEvent } from '../../src/contracts/events.js'
import type { Generator } from '../../src/contracts/generator.js'
import { ConfigurationError } from '../../src/contracts/input-errors.js'
import { SoraPipeline } from '../../src/pipeline/sora-pipeline.js'
import type { Sandbox } from '../../src/sandbox/sandbox.js'
import { startSandbox } from '../../src/sandbox/start-sandbox.js'
import { checkSettings } from '../../src/settings/check-settings.js'
import { pipelineFromSettings } from '../../src/settings/pipeline-from-settings.js'
import type { Settings, SettingsFragment } from '../../src/settings/settings.js'
import { patchSettings } from '../../src/settings/settings-patch.js'
import type { SettingsSecrets } from '../../src/settings/settings-secrets.js'
import { videosApiGenerator } from '../../src/strategies/generators/videos-api/videos-api-generator.js'
import { collect } from '../support/collect.js'
import { problemsOf } from './problems-of.js'

const pollSchedule = () => 50
const REQUEST = { prompt: 'A cat playing piano' }

let sandbox: Sandbox
// A video that is there already, so that most runs need not wait for one.
let ready: Generator
beforeAll(async () => {
  sandbox = await startSandbox({ speed: 20 })
  const generator = videosApiGenerator(sandbox.videosApi)
  const events = await collect(new SoraPipeline({ generator, resolver: mirrorOf(), pollSchedule }).run(REQUEST))
  const result = events.at(-1)
  if (result?.type !== 'run-completed') throw new Error(`Could not generate: ${inspect(result, { depth: 5 })}`)
  const { video, url } = result.result
  ready = { name: 'ready', generate: async () => ({ id: video.id, url }) }
})
afterAll(() => sandbox.close())
beforeEach(() => sandbox.clearFaults())

function mirrorOf() {
  return {
    name: 'first',
    resolve: async ({ video }: { video: { id: string } }) => ({ url: `${sandbox.mirrors[0]}/MP4/${video.id}.mp4` }),
  }
}

function settingsOf(fragment: SettingsFragment = {}): Settings {
  const { videosApi, posts, mirrors, parser, spaces } = sandbox
  const full: SettingsFragment = {
    generator: { kind: 'videos-api', baseUrl: videosApi.baseUrl },
    publisher: { baseUrl: posts.baseUrl },
    watermarkFree: { isEnabled: true, customUrl: parser.baseUrl },
    mirrors: { hosts: mirrors, syncTimeoutMs: 0 },
    googleDrive: { isEnabled: true, spaces: spaces.map(({ baseUrl }) => baseUrl) },
  }
  return checkSettings(patchSettings(full, fragment), { subject: 'the test' })
}

function secretsOf(): SettingsSecrets {
  return {
    soraApiKey: sandbox.videosApi.apiKey,
    publishToken: sandbox.posts.token,
    customParseToken: sandbox.parser.token,
    googleDrivePassword: sandbox.spaces[0].password,
  }
}

/** The outcome of each stage. */
function outcomes(events: readonly PipelineEvent[]): readonly string[] {
  return events.flatMap((event) => {
    if (event.type === 'stage-completed' || event.type === 'stage-failed') return [`${event.stage}: ${event.strategy}`]
    return event.type === 'stage-skipped' ? [`${event.stage}: ${event.reason}`] : []
  })
}

const nameOf = (address: string) => new URL(address).host

describe('the chain', () => {
  it('goes from the generator to Google Drive past what is broken', async () => {
    sandbox.setFaults({ 'mirror-1': { kind: 'reset' }, 'space-1.call': { kind: 'status', status: 500 } })
    const pipeline = pipelineFromSettings(settingsOf(), secretsOf(), {
      pollSchedule,
      allowPrivateAddresses: ['127.0.0.1'],
    })
    expect(pipeline.warnings).toEqual([])
    const result = await pipeline.generate(REQUEST)
    expect(result).toMatchObject({
      servedBy: 'uploader',
      isDegraded: false,
      publication: { id: expect.stringMatching(/^s_/) },
    })
    expect(result.resolved?.url).toContain(nameOf(sandbox.mirrors[1]))
    expect(result.attempts.map(({ strategy, outcome }) => `${strategy} ${outcome}`)).toEqual([
      'videos-api succeeded',
      'sora-publisher succeeded',
      `mirror:${nameOf(sandbox.mirrors[0])} failed`,
      `mirror:${nameOf(sandbox.mirrors[1])} succeeded`,
      'mirror succeeded',
      `url2drive:${nameOf(sandbox.spaces[0].baseUrl)} failed`,
      `url2drive:${nameOf(sandbox.spaces[1].baseUrl)} succeeded`,
    ])
  })

  it('still gives a URL when everything after the generator is broken', async () => {
    const broken = { kind: 'status', status: 500 } as const
    sandbox.setFaults({ 'posts.create': broken, 'space-1.config': broken, 'space-2.config': { kind: 'html' } })
    const settings = settingsOf({ deadlines: { uploadMs: 400 } })
    const result = await pipelineFromSettings(settings, secretsOf(), {
      generator: ready,
      allowPrivateAddresses: ['127.0.0.1'],
    }).generate(REQUEST)
    expect(result).toMatchObject({ servedBy: 'resolver', isDegraded: true, resolved: { url: result.video.url } })
  })

  it('leaves time for the second Space when the first one hangs', async () => {
    sandbox.setFaults({ 'space-1.config': { kind: 'hang' } })
    const settings = settingsOf({ deadlines: { uploadMs: 3000 }, watermarkFree: { isEnabled: false } })
    const options = { generator: ready }
    const result = await pipelineFromSettings(settings, secretsOf(), {
      ...options,
      allowPrivateAddresses: ['127.0.0.1'],
    }).generate(REQUEST)
    expect(result.attempts.map(({ errorCode, outcome }) => errorCode ?? outcome)).toEqual([
      'succeeded',
      'stage-timeout',
      'succeeded',
    ])
  })

  it('works with a chat upstream', async () => {
    const { baseUrl, apiKey, models } = sandbox.chat
    const settings: SettingsFragment = { generator: { kind: 'chat-completions', baseUrl, model: models[0] } }
    const { servedBy, url } = await pipelineFromSettings(settings, { soraApiKey: apiKey }).generate(REQUEST)
    expect(servedBy).toBe('generator')
    expect((await fetch(url)).ok).toBe(true)
  })

  it('stores in a directory after Google Drive, which gets the token', async () => {
    const fetch = vi.fn(async () => Response.json({ error: { code: 401, message: 'expired' } }, { status: 401 }))
    const settings = settingsOf({
      googleDrive: { kind: 'drive', folderId: 'folder-1' },
      directory: { path: '/dev/null/videos', publicBaseUrl: 'https://media.example' },
      watermarkFree: { isEnabled: false },
    })
    const secrets = { googleDriveAccessToken: async () => 'token-1' }
    const pipeline = pipelineFromSettings(settings, secrets, {
      generator: ready,
      fetch,
      allowPrivateAddresses: ['127.0.0.1'],
    })
    const { attempts } = await pipeline.generate(REQUEST)
    expect(attempts.map(({ strategy, errorCode }) => [strategy, errorCode])).toEqual([
      ['ready', undefined],
      ['google-drive', 'authentication'],
      ['directory', 'configuration-invalid'],
    ])
    expect(fetch).toHaveBeenCalledWith(
      expect.stringMatching(/^https:\/\/www\.googleapis\.com\//),
      expect.objectContaining({ headers: expect.objectContaining({ authorization: 'Bearer token-1' }) }),
    )
  })

  it('takes a host without a scheme, and each Space once', () => {
    const spaces = ['a.example', 'https://a.example/', 'b.example']
    const options = { generator: ready }
    expect(() => pipelineFromSettings(settingsOf({ googleDrive: { spaces } }), secretsOf(), options)).not.toThrow()
  })

  it('shows no secret, whatever breaks', async () => {
    const kinds = [
      { kind: 'reset' },
      { kind: 'html' },
      { kind: 'truncated-json' },
      { kind: 'status', status: 401 },
      { kind: 'status', status: 500 },
    ] as const
    const known = Object.values(secretsOf()) as string[]
    for (const fault of kinds) {
      sandbox.setFaults({ 'posts.create': fault, parser: fault, 'space-1.call': fault, 'space-2.call': fault })
      for (const parseMethod of ['third_party', 'custom'] as const) {
        const settings = settingsOf({ watermarkFree: { parseMethod }, deadlines: { uploadMs: 300 } })
        const events = await collect(
          pipelineFromSettings(settings, secretsOf(), { generator: ready, allowPrivateAddresses: ['127.0.0.1'] }).run(
            REQUEST,
          ),
        )
        expect(events.at(-1)?.type).toBe('run-completed')
        const seen = inspect(events, { depth: 12 })
        expect(known.filter((secret) => seen.includes(secret))).toEqual([])
      }
    }
  })
})

describe('a change of settings', () => {
  it('takes effect on the next run: watermark-free mode, the parse method, Google Drive', async () => {
    const live = { current: settingsOf() }
    const pipeline = pipelineFromSettings(live, secretsOf(), { generator: ready, allowPrivateAddresses: ['127.0.0.1'] })
    const next = async (fragment: SettingsFragment) => {
      live.current = settingsOf(fragment)
      expect(pipeline.settings).toEqual(live.current)
      return outcomes(await collect(pipeline.run(REQUEST)))
    }
    const drive = `upload: url2drive:${nameOf(sandbox.spaces[0].baseUrl)}`
    expect(await next({})).toEqual(['generate: ready', 'publish: sora-publisher', 'resolve: mirror', drive])
    expect(await next({ watermarkFree: { isEnabled: false } })).toEqual([
      'generate: ready',
      'publish: not-configured',
      'resolve: not-configured',
      drive,
    ])
    expect(await next({ watermarkFree: { parseMethod: 'custom' }, googleDrive: { isEnabled: false } })).toEqual([
      'generate: ready',
      'publish: sora-publisher',
      'resolve: parse-server',
      'upload: not-configured',
    ])
  })

  it('leaves a run that is in progress alone, and joining it too', async () => {
    let finish: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      finish = resolve
    })
    const generate = vi.fn(async () => {
      await held
      return { id: 'gen_1', url: 'https://cdn.example/a.mp4' }
    })
    const live = { current: settingsOf({ googleDrive: { isEnabled: false }, watermarkFree: { isEnabled: false } }) }
    const pipeline = pipelineFromSettings(live, secretsOf(), {
      allowPrivateAddresses: ['127.0.0.1'],
      generator: { name: 'held', generate },
      store: undefined,
    })
    const run = pipeline.run(REQUEST, { id: 'run-1' })
    live.current = settingsOf()
    expect(pipeline.run(REQUEST, { id: 'run-1' })).toBe(run)
    expect(pipeline.resume('run-1')).toBe(run)
    finish()
    expect(outcomes(await collect(run)).slice(1)).toEqual([
      'publish: not-configured',
      'resolve: not-configured',
      'upload: not-configured',
    ])
    expect(await pipeline.resume('run-1').result).toMatchObject({ url: 'https://cdn.example/a.mp4' })
    expect(await pipeline.generate(REQUEST, { id: 'run-1' })).toMatchObject({ runId: 'run-1' })
    expect(generate).toHaveBeenCalledOnce()
  })

  it('that cannot work stops the next run before anything is sent', async () => {
    const live: { current: Settings } = { current: settingsOf() }
    const pipeline = pipelineFromSettings(live, secretsOf(), { allowPrivateAddresses: ['127.0.0.1'] })
    const { generator: _, ...rest } = settingsOf()
    live.current = rest
    const count = sandbox.requests.length
    expect(() => pipeline.run(REQUEST)).toThrow(ConfigurationError)
    await expect(pipeline.generate(REQUEST)).rejects.toThrow(
      'Could not configure pipelineFromSettings: generator.baseUrl',
    )
    expect(sandbox.requests).toHaveLength(count)
    live.current = settingsOf()
    expect(pipeline.warnings).toEqual([])
  })
})

describe('what is missing', () => {
  it.each<[string, SettingsFragment, Partial<SettingsSecrets>, string]>([
    ['a password', {}, { googleDrivePassword: undefined }, 'google-drive-without-password'],
    ['Spaces', { googleDrive: { spaces: [] } }, {}, 'google-drive-without-spaces'],
    ['an access token', { googleDrive: { kind: 'drive' } }, {}, 'google-drive-without-access-token'],
    ['mirrors', { mirrors: { hosts: [] } }, {}, 'watermark-free-without-mirrors'],
    [
      'a parse server',
      { watermarkFree: { parseMethod: 'custom', customUrl: undefined } },
      {},
      'watermark-free-without-parse-server',
    ],
  ])('%s is a warning, and the run continues without', async (_, fragment, secrets, code) => {
    const pipeline = pipelineFromSettings(
      settingsOf(fragment),
      { ...secretsOf(), ...secrets },
      { generator: ready, allowPrivateAddresses: ['127.0.0.1'] },
    )
    expect(pipeline.warnings).toEqual([{ code, message: expect.stringMatching(/omitted: give .* \([A-Z_]+\)$/) }])
    const events = await collect(pipeline.run(REQUEST))
    const isDrive = code.startsWith('google-drive')
    expect(outcomes(events)).toContain(isDrive ? 'upload: not-configured' : 'resolve: not-configured')
    expect(events.at(-1)?.type).toBe('run-completed')
  })

  it('a publisher is a warning where a post is needed', () => {
    const { publisher: _, ...rest } = settingsOf()
    const warningsOf = (settings: SettingsFragment) => pipelineFromSettings(settings, secretsOf()).warnings
    expect(warningsOf(rest)).toMatchObject([{ code: 'watermark-free-without-publisher' }])
    expect(warningsOf({ ...rest, mirrors: { ...rest.mirrors, path: '/MP4/{videoId}.mp4' } })).toEqual([])
  })

  it('a generator is an error', () => {
    expect(problemsOf(() => pipelineFromSettings({}))).toMatchObject([{ field: 'generator.baseUrl', value: 'nothing' }])
    expect(pipelineFromSettings({}, {}, { generator: ready, allowPrivateAddresses: ['127.0.0.1'] }).warnings).toEqual(
      [],
    )
  })

  it.each([undefined, null, 'settings', []])('%j in place of settings is refused', (settings) => {
    expect(problemsOf(() => pipelineFromSettings(settings as never))).toMatchObject([{ field: 'settings' }])
  })

  it('settings that are wrong are refused with every problem, and without secrets', () => {
    const settings = { generator: { baseUrl: 'canary-1' }, mirrors: { path: 'x' } }
    const problems = problemsOf(() => pipelineFromSettings(settings, { soraApiKey: 'canary-1' }))
    expect(problems.map(({ field }) => field)).toEqual(['generator.baseUrl', 'mirrors.path'])
    expect(JSON.stringify(problems)).not.toContain('canary')
  })
})
