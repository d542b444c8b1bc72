import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HttpRefusal } from '../../../src/http/http-refusal.js'
import { MAX_FORM_PARTS, parseFormBody } from '../../../src/http/requests/form-body.js'
import { refusalOf } from './refusal-of.js'

const MIB = 1024 * 1024
const TYPE = 'multipart/form-data; boundary=xyz'
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'))
const part = (head: string, value = '1') => `--xyz\r\n${head}\r\n\r\n${value}\r\n`
const field = (name: string, value = '1') => part(`Content-Disposition: form-data; name="${name}"`, value)
const parse = async (text: string, type = TYPE) => parseFormBody(bytesOf(text), type)
const END = '--xyz--\r\n'

test.each([
  ['multipart/form-data; boundary=xyz'],
  ['multipart/form-data; boundary="xyz"'],
  ['multipart/form-data; charset=utf-8; Boundary=xyz ; a=b'],
  ['multipart/form-data;boundary=xyz;boundary=abc'],
  ['multipart/form-data; a="; boundary=abc"; boundary=xyz'],
])('finds the boundary in %s', (type) => {
  expect(parseFormBody(bytesOf(field('a') + END), type)).toEqual([{ name: 'a', value: '1' }])
})

test.each([
  'multipart/form-data',
  'multipart/form-data; boundary=',
  'multipart/form-data; boundary=""',
  'multipart/form-data; boundary="xyz',
  'multipart/form-data; notboundary=xyz',
  `multipart/form-data; boundary=${'x'.repeat(71)}`,
])('refuses a form without a boundary: %s', (type) => {
  expect(() => parseFormBody(bytesOf(field('a') + END), type)).toThrow(
    expect.objectContaining({ status: 400, code: 'invalid_form', message: expect.stringContaining('boundary') }),
  )
})

test.each([
  ['nothing', ''],
  ['no end', field('a')],
  ['an end without its dashes', `${field('a')}--xyz\r\n`],
  ['another boundary', field('a').replaceAll('xyz', 'abc')],
  ['a part that is cut', `--xyz\r\nContent-Disposition: form-data; name="a"\r\n`],
  ['only an end', END.slice(2)],
  ['a part without a name', part('Content-Disposition: form-data') + END],
  ['a part of another disposition', part('Content-Disposition: attachment; name="a"') + END],
  ['a part without headers', part('') + END],
  ['a name without its quote', part('Content-Disposition: form-data; name="a') + END],
  ['lines that end in LF', (field('a') + END).replaceAll('\r\n', '\n')],
  ['a header with a NUL', part('Content-Disposition: form-data; name="a"\r\nX-\0: 1') + END],
  ['JSON', '{"prompt":"a cat"}'],
])('refuses %s', async (_, text) => {
  expect(await refusalOf(parse(text))).toBe('400 invalid_form')
})

test('a false length or type does not change the bytes of a part', async () => {
  const head =
    'Content-Disposition: form-data; name="a"; filename="a.png"\r\nContent-Type: image/png\r\nContent-Length: 999999'
  const [file] = await parse(part(head, '<html>') + END)
  expect(file?.value).toEqual({ bytes: bytesOf('<html>'), mediaType: 'image/png', fileName: 'a.png' })
})

test('keeps bytes unchanged, also what is nearly a boundary', async () => {
  const bytes = `${Buffer.from(Array.from({ length: 256 }, (_, index) => index)).toString('latin1')}\r\n--xyz0\r\n--xy\r\n--xyz\n`
  const head = 'Content-Disposition: form-data; name="a"; filename="a.bin"\r\nContent-Type: application/octet-stream'
  const [file] = await parse(part(head, bytes) + END)
  expect(file?.value).toMatchObject({ bytes: bytesOf(bytes) })
})

describe('forms as clients write them', () => {
  const disposition = (rest: string) => part(`Content-Disposition: form-data; ${rest}`)

  test.each<[string, string, string]>([
    ['of .NET: no quotes', 'name=prompt', 'prompt'],
    ['a blank around what is not quoted', 'name= prompt ', 'prompt'],
    ['no blank after the semicolon', 'name="a";x=y', 'a'],
    ['a semicolon at the end', 'name="a";', 'a'],
    ['upper case', 'NAME="a"', 'a'],
    ['an escaped quote', 'name="a\\"b"', 'a"b'],
    ['an escaped backslash', 'name="a\\\\b"', 'a\\b'],
    ['a backslash that escapes nothing', 'name="a\\b"', 'a\\b'],
    ['a backslash at the end', 'name="a\\"', 'a\\'],
    ['the escapes of browsers', 'name="a%22b%0D%0Ac%41"', 'a"b\r\nc%41'],
    ['brackets', 'name="input_reference[image_url]"', 'input_reference[image_url]'],
    ['the first of two', 'name="a"; name="b"', 'a'],
  ])('the name: %s', async (_, rest, name) => {
    expect(await parse(disposition(rest) + END)).toEqual([{ name, value: '1' }])
  })

  test.each<[string, string, string]>([
    ['of .NET', "filename=cat.png; filename*=utf-8''cat.png", 'cat.png'],
    ['of .NET, beyond ASCII', `filename="=?utf-8?B?54yr?="; filename*=utf-8''%E7%8C%AB.png`, '猫.png'],
    ['extended alone, in another case', "FileName*=UTF-8'en'a%20b.png", 'a b.png'],
    ['in Latin-1', "filename*=iso-8859-1''%FC.png", 'ü.png'],
    ['extended, but unreadable', "filename=a.png; filename*=utf-8''%FF", 'a.png'],
    ['with an escaped quote', 'filename="a\\".png"', 'a".png'],
    ['empty', 'filename=""', ''],
    ['with a semicolon', 'filename="a;b=c.png"', 'a;b=c.png'],
    ['raw UTF-8', `filename="${Buffer.from('猫').toString('latin1')}"`, '猫'],
  ])('the name of a file: %s', async (_, rest, fileName) => {
    const value = { bytes: bytesOf('1'), mediaType: 'application/octet-stream', fileName }
    expect(await parse(disposition(`name=f; ${rest}`) + END)).toEqual([{ name: 'f', value }])
  })

  test.each<[string, string]>([
    ['a preamble', `This is a form.\r\n${field('a')}${END}`],
    ['a preamble that names the boundary', `xyz --xyz\r\n${field('a')}${END}`],
    ['an empty line before', `\r\n${field('a')}${END}`],
    ['an epilogue', `${field('a')}${END}--xyz\r\nwhatever`],
    ['no line end after the end', (field('a') + END).trimEnd()],
    ['blanks after the boundary', (field('a') + END).replace('--xyz\r\n', '--xyz \t\r\n')],
    ['folded headers', part('Content-Disposition: form-data;\r\n name="a"') + END],
    [
      'a type of the field',
      part('Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=a') + END,
    ],
    ['an unknown encoding', part('Content-Transfer-Encoding: 8bit\r\nContent-Disposition: form-data; name=a') + END],
  ])('%s', async (_, text) => {
    expect(await parse(text)).toEqual([{ name: 'a', value: '1' }])
  })

  test('a boundary with escapes, or what only a quoted one may have', async () => {
    const escaped = (field('a') + END).replaceAll('--xyz', '--x"z')
    expect(await parse(escaped, String.raw`multipart/form-data; boundary="x\"z"`)).toEqual([{ name: 'a', value: '1' }])
    const spaced = (field('a') + END).replaceAll('--xyz', '--x y:z')
    expect(await parse(spaced, 'multipart/form-data; boundary="x y:z"')).toEqual([{ name: 'a', value: '1' }])
    expect(await parse(field('a') + END, 'multipart/form-data; a="x\\"; boundary=abc"; boundary=xyz')).toHaveLength(1)
  })

  test('an empty body, with and without its line end', async () => {
    const head = '--xyz\r\nContent-Disposition: form-data; name="a"'
    for (const body of ['\r\n\r\n', '\r\n\r\n\r\n'])
      expect(await parse(`${head}${body}${END}`)).toEqual([{ name: 'a', value: '' }])
  })

  test('a text in its declared charset, and in no other', async () => {
    const text = (charset: string, value: string) =>
      part(`Content-Disposition: form-data; name=a\r\nContent-Type: text/plain; charset=${charset}`, value) + END
    expect(await parse(text('utf-16le', Buffer.from('cät', 'utf16le').toString('latin1')))).toEqual([
      { name: 'a', value: 'cät' },
    ])
    expect(await parse(text('iso-8859-1', 'c\xe4t'))).toEqual([{ name: 'a', value: 'cät' }])
    for (const [charset, value] of [
      ['utf-8', 'c\xe4t'],
      ['klingon', 'cat'],
    ] as const)
      await expect(parse(text(charset, value))).rejects.toThrow(`part 1 is not text in "${charset}"`)
  })

  test.each<[string, string, string]>([
    [
      'a file',
      'filename="cat.png"',
      'part 1, the file "cat.png", has no name; give it one, such as name="input_reference"',
    ],
    ['a file with an empty name', 'name=""; filename=cat.png', 'part 1, the file "cat.png", has no name'],
    ['a text', 'x=y', 'part 1 has no name'],
  ])('%s without a name is refused, and the message names the problem', async (_, rest, message) => {
    await expect(parse(disposition(rest) + END)).rejects.toThrow(`Could not read the body as a form: ${message}`)
  })

  test('a part whose bytes are encoded is refused', async () => {
    const head = 'Content-Disposition: form-data; name=a; filename=a\r\nContent-Transfer-Encoding: base64'
    await expect(parse(part(head, 'iVBORw0KGgo=') + END)).rejects.toThrow('part 1 is encoded as "base64"')
  })
})

const anyName = fc.string({ unit: 'binary', minLength: 1 }).map((text) => text.toWellFormed().replace(/[\r\n\0]/g, '_'))
const anyFields = fc.array(
  fc.record({ name: anyName, bytes: fc.uint8Array({ maxLength: 300 }), fileName: fc.option(anyName) }),
  { minLength: 1, maxLength: 8 },
)

test('what the platform writes is read back', async () => {
  await fc.assert(
    fc.asyncProperty(anyFields, async (fields) => {
      const form = new FormData()
      for (const { name, bytes, fileName } of fields) {
        const file = new Blob([new Uint8Array(bytes)], { type: 'image/png' })
        if (fileName === null) form.append(name, Buffer.from(bytes).toString('base64'))
        else form.append(name, file, fileName)
      }
      const response = new Response(form)
      const parts = parseFormBody(
        new Uint8Array(await response.clone().arrayBuffer()),
        response.headers.get('content-type') ?? '',
      )
      expect(parts).toEqual(
        fields.map(({ name, bytes, fileName }) => ({
          name: unescaped(name),
          value:
            fileName === null
              ? Buffer.from(bytes).toString('base64')
              : { bytes: new Uint8Array(bytes), mediaType: 'image/png', fileName: unescaped(fileName) },
        })),
      )
    }),
    { numRuns: 200 },
  )
})

// Browsers escape three characters and not the percent sign, so that what looks like an escape is read as one; and a backslash
// before a quote or another one, which they do not escape either, is read as other clients mean it.
function unescaped(name: string): string {
  const escapes: Readonly<Record<string, string>> = { '%22': '"', '%0a': '\n', '%0d': '\r', '\\\\': '\\' }
  return name.replace(/%22|%0a|%0d|\\\\/gi, (sign) => escapes[sign.toLowerCase()] ?? sign)
}

describe('the number of parts', () => {
  test(`${MAX_FORM_PARTS} are taken, one more is not`, async () => {
    expect(await refusalOf(parse(field('a').repeat(MAX_FORM_PARTS) + END))).toBe('taken')
    const more = parse(field('a').repeat(MAX_FORM_PARTS + 1) + END)
    await expect(more).rejects.toMatchObject({ message: expect.stringContaining('more than 100 parts') })
  })

  test.each([
    ['parts', field(''), ''],
    ['boundaries', '--xyz', ''],
    ['line breaks', '\r\n', ''],
    ['dashes', '-', ''],
    ['headers of a part', 'A: b\r\n', '--xyz\r\n'],
    ['a name', 'a', '--xyz\r\nContent-Disposition: form-data; name="'],
    ['escapes of a name', '%22', '--xyz\r\nContent-Disposition: form-data; name="'],
    ['parameters', '; a="b"', '--xyz\r\nContent-Disposition: form-data'],
    ['lines that are nearly boundaries', '\r\n--xy', field('a', '').slice(0, -2)],
  ])('2 MB of %s cost little time', async (_, unit, before) => {
    for (const after of ['', '"\r\n\r\n', `\r\n\r\n1\r\n${END}`, `\r\n${END}`]) {
      const bytes = bytesOf(before + unit.repeat((2 * MIB) / unit.length) + after)
      const start = process.cpuUsage()
      await (async () => parseFormBody(bytes, TYPE))().catch((error) => expect(error).toBeInstanceOf(HttpRefusal))
      const { user, system } = process.cpuUsage(start)
      expect((user + system) / 1000).toBeLessThan(1000)
    }
  })
})

test('any damage to a form is a refusal or another form', async () => {
  const whole = bytesOf(
    `${field('prompt', 'a cat')}${part('Content-Disposition: form-data; name="f"; filename="f"')}${END}`,
  )
  const damage = fc.tuple(fc.nat(whole.length), fc.nat(20), fc.uint8Array({ maxLength: 8 }))
  await fc.assert(
    fc.asyncProperty(damage, async ([at, length, inserted]) => {
      const bytes = new Uint8Array(Buffer.concat([whole.subarray(0, at), inserted, whole.subarray(at + length)]))
      expect(await refusalOf((async () => parseFormBody(bytes, TYPE))())).toMatch(/^(taken|400 invalid_form)$/)
    }),
    { numRuns: 500 },
  )
})
