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
const END = '--xyz--\r\n'

test.each([
  ['multipart/form-data; boundary=xyz'],
  ['multipart/form-data; boundary="xyz"'],
  ['multipart/form-data; charset=utf-8; Boundary=xyz ; a=b'],
  ['multipart/form-data;boundary=xyz;boundary=abc'],
  ['multipart/form-data; a="; boundary=abc"; boundary=xyz'],
])('finds the boundary in %s', async (type) => {
  expect([...(await parseFormBody(bytesOf(field('a') + END), type))]).toEqual([['a', '1']])
})

test.each([
  'multipart/form-data',
  'multipart/form-data; boundary=',
  'multipart/form-data; boundary=""',
  'multipart/form-data; boundary="xyz',
  'multipart/form-data; notboundary=xyz',
  `multipart/form-data; boundary=${'x'.repeat(71)}`,
])('refuses a form without a boundary: %s', async (type) => {
  await expect(parseFormBody(bytesOf(field('a') + END), type)).rejects.toMatchObject({
    status: 400,
    code: 'invalid_form',
    message: expect.stringContaining('boundary'),
  })
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
  expect(await refusalOf(parseFormBody(bytesOf(text), TYPE))).toBe('400 invalid_form')
})

test('a part that lies about its length or type is what it is', async () => {
  const head =
    'Content-Disposition: form-data; name="a"; filename="a.png"\r\nContent-Type: image/png\r\nContent-Length: 999999'
  const form = await parseFormBody(bytesOf(part(head, '<html>') + END), TYPE)
  const file = form.get('a') as File
  expect([file.size, file.type]).toEqual([6, 'image/png'])
})

test('keeps bytes as they are', async () => {
  const bytes = new Uint8Array(256).map((_, index) => index)
  const head = 'Content-Disposition: form-data; name="a"; filename="a.bin"\r\nContent-Type: application/octet-stream'
  // The platform's parser stumbles over a boundary inside of a value also when its dashes are missing.
  const body = (part(head, Buffer.from(bytes).toString('latin1')) + END).replaceAll('--xyz', '--long-and-random')
  const form = await parseFormBody(bytesOf(body), 'multipart/form-data; boundary=long-and-random')
  expect(new Uint8Array(await (form.get('a') as File).arrayBuffer())).toEqual(bytes)
})

describe('the number of parts', () => {
  test(`${MAX_FORM_PARTS} are taken, one more is not`, async () => {
    expect(await refusalOf(parseFormBody(bytesOf(field('a').repeat(MAX_FORM_PARTS) + END), TYPE))).toBe('taken')
    const more = parseFormBody(bytesOf(field('a').repeat(MAX_FORM_PARTS + 1) + END), TYPE)
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
      await parseFormBody(bytes, TYPE).catch((error) => expect(error).toBeInstanceOf(HttpRefusal))
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
      expect(await refusalOf(parseFormBody(bytes, TYPE))).toMatch(/^(taken|400 invalid_form)$/)
    }),
    { numRuns: 500 },
  )
})
