import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkSettings } from '../../src/settings/check-settings.js'
import { settingsSchema } from '../../src/settings/settings-schema.js'
import { sora2apiPreset } from '../../src/settings/sora2api-preset.js'
import { problemsOf } from './problems-of.js'

const DEFAULTS = {
  version: 1,
  watermarkFree: { isEnabled: false, parseMethod: 'third_party' },
  mirrors: { hosts: [], path: '/MP4/{postId}.mp4', syncTimeoutMs: 20_000 },
  googleDrive: { isEnabled: false, kind: 'url2drive', spaces: [] },
  deadlines: {},
}

describe('settingsSchema', () => {
  it('switches everything off by default, and names no host', () => {
    expect(settingsSchema.parse({})).toEqual(DEFAULTS)
    expect(JSON.stringify(settingsSchema.parse({}))).not.toMatch(/https?:|\.\w+\.com/)
  })

  it('accepts its own output', () => {
    const settings = settingsSchema.parse({
      generator: { baseUrl: 'https://gateway.example/v1', model: 'sora-2' },
      publisher: { baseUrl: 'https://gateway.example/backend' },
      directory: { path: './videos', publicBaseUrl: 'https://media.example' },
      deadlines: { totalMs: 5000 },
    })
    expect(settings.generator?.kind).toBe('videos-api')
    expect(settingsSchema.parse(JSON.parse(JSON.stringify(settings)))).toEqual(settings)
  })

  it('has the hosts of the preset in their order', () => {
    const { mirrors, googleDrive, watermarkFree } = settingsSchema.parse(sora2apiPreset)
    expect(mirrors.hosts).toEqual(['oscdn2.dyysy.com', 'oscdn.dyysy.com', 'oscdn3.dyysy.com'])
    expect(mirrors.path).toBe('/MP4/{postId}.mp4')
    expect(googleDrive.spaces).toEqual(['leeykike-url2drive.hf.space', 'iyougame-url2drive.hf.space'])
    expect([watermarkFree.isEnabled, googleDrive.isEnabled]).toEqual([true, true])
  })
})

describe('checkSettings', () => {
  const check = (value: unknown) => checkSettings(value, { subject: 'the settings' })

  it.each<[unknown, string, string]>([
    [null, 'settings', 'null'],
    [[], 'settings', 'an array of 0'],
    [{ version: '1' }, 'version', '"1"'],
    [{ generator: {} }, 'generator.baseUrl', 'nothing'],
    [{ generator: { baseUrl: 'gateway.example' } }, 'generator.baseUrl', '"gateway.example"'],
    [{ generator: { baseUrl: 'ftp://gateway.example' } }, 'generator.baseUrl', '"ftp://gateway.example"'],
    [{ generator: { baseUrl: 'https://u:hidden@gateway.example' } }, 'generator.baseUrl', '"https://gateway.example"'],
    [{ generator: { baseUrl: 'https://a.example', kind: 'sora' } }, 'generator.kind', '"sora"'],
    [{ generator: { baseUrl: 'https://a.example', kind: 'chat-completions' } }, 'generator.model', 'nothing'],
    [{ generator: { baseUrl: 'https://a.example', model: ' ' } }, 'generator.model', '" "'],
    [{ publisher: null }, 'publisher', 'null'],
    [{ watermarkFree: { isEnabled: 'yes' } }, 'watermarkFree.isEnabled', '"yes"'],
    [{ watermarkFree: { parseMethod: 'both' } }, 'watermarkFree.parseMethod', '"both"'],
    [{ mirrors: { hosts: 'cdn.example' } }, 'mirrors.hosts', '"cdn.example"'],
    [{ mirrors: { hosts: ['cdn.example', 'a b'] } }, 'mirrors.hosts[1]', '"a b"'],
    [{ mirrors: { hosts: ['cdn.example/?a=1'] } }, 'mirrors.hosts[0]', '"cdn.example/"'],
    [{ mirrors: { path: 'MP4' } }, 'mirrors.path', '"MP4"'],
    [{ mirrors: { syncTimeoutMs: -1 } }, 'mirrors.syncTimeoutMs', '-1'],
    [{ googleDrive: { spaces: [7] } }, 'googleDrive.spaces[0]', '7'],
    [{ directory: { path: 'videos' } }, 'directory.publicBaseUrl', 'nothing'],
    [{ deadlines: { uploadMs: 0 } }, 'deadlines.uploadMs', '0'],
    [{ googleDrive: { password: 'hidden' } }, 'googleDrive.password', 'unknown'],
    [{ apiKey: 'hidden' }, 'apiKey', 'unknown'],
    [JSON.parse('{"__proto__":{"a":1}}'), '__proto__', 'unknown'],
  ])('%j is refused: %s', (value, field, shown) => {
    expect(problemsOf(() => check(value))).toMatchObject([{ field, value: shown }])
    expect(() => check(value)).not.toThrow(/hidden/)
  })

  it('names every problem at once', () => {
    const value = { generator: {}, mirrors: { path: '' }, deadlines: { totalMs: 'long' }, extra: 1 }
    const fields = problemsOf(() => check(value)).map(({ field }) => field)
    expect(new Set(fields)).toEqual(new Set(['generator.baseUrl', 'mirrors.path', 'deadlines.totalMs', 'extra']))
  })

  it('reports only the version of a newer document', () => {
    expect(problemsOf(() => check({ version: 2, unheardOf: true }))).toEqual([
      { field: 'version', value: '2', fix: 'update sora-pipeline, which knows version 1; nothing was changed' },
    ])
  })

  it('reads anything, or reports what is wrong with it', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const problems = problemsOf(() => check(value))
        return problems.length > 0 || settingsSchema.safeParse(value).success
      }),
    )
  })
})
