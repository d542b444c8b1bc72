import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { redact } from '../../../src/contracts/secrets/redact.js'
import { leaksIn } from '../../secrets/leaks.js'
import { partsOf, SECRET_FORMATS } from '../../secrets/secret-formats.js'
import { isDoneWithin } from '../../support/is-done-within.js'

// How a text of one program is quoted by another.
const QUOTED: readonly (readonly [string, (spoken: string) => string])[] = [
  ['as it is', (spoken) => spoken],
  ['in the middle of words', (spoken) => `It failed (${spoken}), try again later`],
  ['in its own line', (spoken) => `failed:\r\n${spoken}\r\nthat was all`],
  ['in JSON', (spoken) => JSON.stringify({ error: { message: spoken, code: 'x' } })],
  ['in JSON in JSON', (spoken) => JSON.stringify({ detail: JSON.stringify({ message: spoken }) })],
  [
    'in a page',
    (spoken) => `<p>${spoken.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll("'", '&#39;')}</p>`,
  ],
  ['percent-encoded', (spoken) => `https://login.example/?error=${encodeURIComponent(spoken)}`],
  ['as Python shows it', (spoken) => `ValueError: '${spoken.replaceAll('\n', '\\n').replaceAll("'", "\\'")}'`],
  ['twice', (spoken) => `${spoken} ${spoken}`],
]

describe.each(SECRET_FORMATS)('$name', (format) => {
  it.each(QUOTED)('is taken out %s', (_, quoted) => {
    expect(leaksIn(redact(quoted(format.spoken)), partsOf(format))).toEqual([])
  })

  it('is taken out when the text breaks off in it', () => {
    const { spoken } = format
    const [part = ''] = partsOf(format)
    const from = spoken.indexOf(part)
    for (const length of [12, Math.floor(part.length / 2), part.length - 1]) {
      expect(leaksIn(redact(spoken.slice(0, from + length)), [part.slice(0, length)])).toEqual([])
    }
  })

  it('stays out when it was taken out before', () => {
    const clean = redact(format.spoken)
    expect(redact(clean)).toBe(clean)
  })
})

describe('a password of plain words', () => {
  it.each([
    ['password: hunter', 'hunter'],
    ['{"password":"sunshine"}', 'sunshine'],
    ['password=required9', 'required9'],
    ['pwd: correct-horse-battery', 'horse'],
    ['password: "is Tr0ub4dor&3"', 'Tr0ub4dor'],
  ])('is taken out: %s', (text, part) => {
    expect(redact(text)).not.toContain(part)
  })
})

it('a short word of small letters is judged as it is in a sentence', () => {
  const starts = fc.constantFrom('', 'eyj', 'gho_', 'ghp_', 'sk_', 'hf_', 'pk_', 'npm_', 'akia', 'key', 'token', '_')
  const words = fc.tuple(starts, fc.stringMatching(/^[a-z_]{0,12}$/)).map(([start, rest]) => start + rest)
  fc.assert(
    fc.property(words, (word) => {
      expect(`${redact(word)} !`).toBe(redact(`${word} !`))
    }),
    { examples: [['eyjabcdefgh'], ['in_progress'], ['gho_abcdefgh']] },
  )
})

describe('texts that are not a credential', () => {
  it.each([
    'Could not create the video: api.example answered 401, Incorrect API key provided',
    'Invalid token. Get a new token at https://platform.example/tokens',
    'basic information: the password is wrong, bearer tokens are not accepted here',
    'The key "prompt" is missing, the secret is missing: give one',
    'Token limit exceeded: 4096 tokens; max_tokens=4096',
    'task-12345678 ended, sk-learn is no key, key-value pairs, hf-space',
    'run_81438dcedae14006b7f2b5bee740c921 is unknown: video_68d7512d07848190b3e45da0ecbebcde004da08e1e0678d5',
    'https://cdn.example/MP4/s_68d7512d07848190b3e45da0ecbebcde.mp4?width=1280&height=720',
    'http://127.0.0.1:37051/v1/videos/video_1/content',
    'no answer from http://127.0.0.1:37051',
    'no answer from http://[::1]:37051',
    'mail to admin@example.com, or see https://example.com/@user/post',
    'files/1dyUEebJaFnWa3Z4n0BFMVAXQ7mfUH11g in Google Drive, MD5 d41d8cd98f00b204e9800998ecf8427e',
    'The cookie was refused, sign in again',
    'password: required',
    'Password: must be at least 8 characters',
    'password: This field is required.',
    'The password is wrong, token: invalid, api_key: missing, secret: not set',
    '{"password":"required","token":"is not valid","api_key":["Missing data for required field."]}',
    'passwd: incorrect; access_token: expired; client_secret=unknown',
    'x-api-key: header is missing, pwd: too short',
    'Key frames: 12, invalid token: expired, monkey=banana, {"key": "duration"}',
  ])('is left unchanged: %s', (text) => {
    expect(redact(text)).toBe(text)
  })

  it('costs little time, whatever its input', () => {
    const pieces = fc.constantFrom(
      ...[
        '-----BEGIN ',
        'PRIVATE KEY-----',
        'key',
        '=',
        ':',
        '"',
        "'",
        '\\',
        '&',
        '?',
        ' ',
        '\n',
        'Bearer ',
        'Cookie: ',
      ],
      ...[
        'eyJ',
        '.',
        'sk-',
        '_',
        '-',
        'a',
        'https://',
        '@',
        '%3D',
        '%22',
        '/',
        '$2b$10$',
        'aws_secret_access_key',
        '&quot;',
      ],
    )
    fc.assert(
      fc.property(fc.array(pieces, { minLength: 1, maxLength: 6 }), (some) => {
        const text = some.join('').repeat(3000).slice(0, 20_000)
        expect(isDoneWithin(300, () => redact(text))).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})
