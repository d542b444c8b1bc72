import { describe, expect, it } from 'vitest'
import { redact } from '../../../src/contracts/secrets/redact.js'
import { createWakeUrl } from '../../../src/http/index.js'
import { isWakeToken, runIdOfToken, wakeTokenOf } from '../../../src/http/webhooks/wake-token.js'

const SECRET = 'a-secret-of-the-tests'
const IDS = ['run_1', 'a', 'video/1?x=&y', 'Füße 🎬', 'x'.repeat(255), '语'.repeat(255), '"],["', '../..']

describe('the token of a run', () => {
  it.each(IDS)('names it, and is valid under its secret alone: %s', (id) => {
    const token = wakeTokenOf(SECRET, id)
    expect(token).toMatch(/^wkt_[\w-]+\.[\w-]{43}$/)
    expect(isWakeToken(token)).toBe(true)
    expect(runIdOfToken(SECRET, token)).toBe(id)
    expect(runIdOfToken(`${SECRET}.`, token)).toBeUndefined()
  })

  it('is the same every time, and another one for every run', () => {
    expect(IDS.map((id) => wakeTokenOf(SECRET, id))).toEqual(IDS.map((id) => wakeTokenOf(SECRET, id)))
    expect(new Set(IDS.map((id) => wakeTokenOf(SECRET, id))).size).toBe(IDS.length)
  })

  it('is valid with none of its characters changed, left out or added', () => {
    const token = wakeTokenOf(SECRET, 'run_1')
    const forged = [...token].flatMap((letter, index) => [
      `${token.slice(0, index)}${letter === 'A' ? 'B' : 'A'}${token.slice(index + 1)}`,
      token.slice(0, index) + token.slice(index + 1),
      `${token.slice(0, index)}A${token.slice(index)}`,
    ])
    const valid = forged.filter((each) => each !== token && runIdOfToken(SECRET, each) !== undefined)
    expect(forged.length).toBeGreaterThan(150)
    expect(valid).toEqual([])
  })

  it('is none of a signature of other data, of nothing, or of a very long text', () => {
    const [, signature = ''] = wakeTokenOf(SECRET, 'run_1').split('.')
    const other = Buffer.from('run_2').toString('base64url')
    for (const token of [
      '',
      'wkt_',
      `wkt_${other}.${signature}`,
      `${other}.${signature}`,
      `wkt_${'a'.repeat(100_000)}`,
    ]) {
      expect(runIdOfToken(SECRET, token)).toBeUndefined()
    }
  })

  it('is removed from messages in this and every other process', () => {
    for (const id of IDS) {
      const token = wakeTokenOf(SECRET, id)
      const texts = [
        token,
        `https://video.example/v1/wake/${token}`,
        `{"callback_url":"https:\\/\\/v.example\\/${token}"}`,
      ]
      for (const text of texts) expect(redact(text)).not.toContain(token.slice(4, 20))
    }
  })
})

describe('createWakeUrl', () => {
  it('gives the address of a run below that of the handler', () => {
    for (const baseUrl of ['https://video.example/v1', 'https://video.example/v1/', 'http://127.0.0.1:8080/api']) {
      const url = createWakeUrl({ baseUrl, contentSecret: SECRET })('run_1')
      expect(url).toBe(`${baseUrl.replace(/\/$/, '')}/wake/${wakeTokenOf(SECRET, 'run_1')}`)
      expect(URL.canParse(url)).toBe(true)
    }
  })

  it('stays within the longest address that a pipeline accepts, for every id', () => {
    const url = createWakeUrl({ baseUrl: 'https://video.example/v1', contentSecret: SECRET })('语'.repeat(255))
    expect(url.length).toBeLessThan(2_048)
  })

  it.each<[string, object, string]>([
    ['no secret', { baseUrl: 'https://video.example/v1' }, 'contentSecret is unusable (give at least 16 characters)'],
    ['a short secret', { baseUrl: 'https://video.example/v1', contentSecret: 'canary' }, 'contentSecret is unusable'],
    ['no address', { contentSecret: SECRET }, 'baseUrl is nothing (give an absolute https address)'],
    ['an address of http', { baseUrl: 'http://video.example/v1', contentSecret: SECRET }, 'give an https address'],
    [
      'a password',
      { baseUrl: 'https://me:canary@video.example', contentSecret: SECRET },
      'leave user name and password out',
    ],
    ['a query', { baseUrl: 'https://video.example/v1?key=canary', contentSecret: SECRET }, 'leave the query out'],
  ])('refuses %s', (_, options, message) => {
    expect(() => createWakeUrl(options as never)).toThrow(message)
    expect(() => createWakeUrl(options as never)).toThrow(expect.objectContaining({ code: 'configuration-invalid' }))
    expect(() => createWakeUrl(options as never)).not.toThrow('canary')
  })
})
