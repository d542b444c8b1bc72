import { describe, expect, test } from 'vitest'
import { url2driveUploader } from '../../../src/strategies/index.js'
import { fakeSource } from '../../../src/testing/index.js'
import { rejection } from '../../upstream/stage-context.js'
import {
  event,
  PASSWORD,
  publicVideo,
  RESULT,
  scriptedSpace,
  stream,
  THREE_INPUTS,
  TOKEN,
  TWO_INPUTS,
  uploadContext,
  VIDEO_URL,
} from './scripted-space.js'

describe('url2driveUploader', () => {
  test('requests the place of the function, passes it the address, and gives the address in Drive', async () => {
    const { uploader, asked, submitted } = await scriptedSpace()
    const context = uploadContext()
    expect(await uploader().upload(publicVideo(), context)).toEqual({ url: RESULT.view_link, id: '1AbC' })
    expect(asked()).toEqual(['GET /config', 'GET /info', 'POST /call/upload', 'GET /call/upload/event1'])
    expect(submitted()).toEqual([{ data: [VIDEO_URL, PASSWORD, 'everybody'] }])
    expect(context.progress).toEqual([{ phase: 'uploading' }, { phase: 'uploading' }, { phase: 'uploading' }])
    expect(context.warnings).toEqual([])
  })

  test('has a name and the label of the seed', () => {
    expect(url2driveUploader({ baseUrl: 'https://a.example', password: 'x' })).toMatchObject({
      name: 'url2drive',
      label: 'Google Drive',
    })
  })

  test.each([
    ['two inputs', TWO_INPUTS, undefined, [VIDEO_URL, PASSWORD], 0],
    ['two inputs and a user name', TWO_INPUTS, 'bob', [VIDEO_URL, PASSWORD], 1],
    ['a user name', THREE_INPUTS, 'bob', [VIDEO_URL, PASSWORD, 'bob'], 0],
    ['an input more', [...THREE_INPUTS, {}], undefined, [VIDEO_URL, PASSWORD, 'everybody', null], 0],
  ])('fills in %s', async (_, parameters, userName, data, warnings) => {
    const { uploader, submitted } = await scriptedSpace({ parameters })
    const context = uploadContext()
    await uploader({ userName }).upload(publicVideo(), context)
    expect(submitted()).toEqual([{ data }])
    expect(context.warnings.map(({ code }) => code)).toEqual(Array(warnings).fill('unsupported-option'))
  })

  test('sends the token with every request, and keeps the query of the address', async () => {
    const { server, uploader, asked } = await scriptedSpace({ prefix: '/gradio_api' })
    await uploader({ baseUrl: `${server.origin}/?__sign=abc`, token: async () => TOKEN }).upload(
      publicVideo(),
      uploadContext(),
    )
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual(Array(4).fill(`Bearer ${TOKEN}`))
    expect(asked().every((request) => request.endsWith('?__sign=abc'))).toBe(true)
  })

  test('resolves the password before each upload, and takes any characters', async () => {
    const { uploader, submitted } = await scriptedSpace()
    const passwords = ['密码 "1"', 'second']
    const spaces = uploader({ password: async () => passwords.shift() ?? '' })
    await spaces.upload(publicVideo(), uploadContext())
    await spaces.upload(publicVideo(), uploadContext())
    expect(submitted().map(({ data }) => data[1])).toEqual(['密码 "1"', 'second'])
    expect(await rejection(spaces.upload(publicVideo(), uploadContext()))).toMatchObject({
      code: 'authentication',
      message: 'Could not use the password of url2drive: it is empty',
    })
  })

  test('requests the place once, and again after a failure', async () => {
    const { uploader, asked, space } = await scriptedSpace()
    const drive = uploader()
    const upload = () => drive.upload(publicVideo(), uploadContext())
    await Promise.all([upload(), upload()])
    await upload()
    expect(asked().filter((request) => request === 'GET /info')).toHaveLength(2)
    space.script = { stream: stream(event('error', null)) }
    expect(await rejection(upload())).toMatchObject({ code: 'upstream-response', isRetryable: true })
    space.script = { prefix: '/gradio_api' }
    await upload()
    expect(asked().slice(-4)[1]).toBe('GET /gradio_api/info')
  })

  test.each(['', '/gradio_api'])('finds a function that is not where the Space declares it: %j', async (prefix) => {
    const { uploader, asked } = await scriptedSpace({ prefix, saidPrefix: prefix === '' ? '/gradio_api' : null })
    const drive = uploader()
    await drive.upload(publicVideo(), uploadContext())
    await drive.upload(publicVideo(), uploadContext())
    expect(asked()).toHaveLength(7)
  })

  test('searches for the function once more when it has moved', async () => {
    const { uploader, asked, space, submitted } = await scriptedSpace()
    const drive = uploader()
    await drive.upload(publicVideo(), uploadContext())
    space.script = { prefix: '/gradio_api', parameters: TWO_INPUTS }
    await drive.upload(publicVideo(), uploadContext())
    expect(asked().slice(4)).toEqual([
      'POST /call/upload',
      'GET /config',
      'GET /gradio_api/info',
      'POST /gradio_api/call/upload',
      'GET /gradio_api/call/upload/event1',
    ])
    expect(submitted().at(-1)).toEqual({ data: [VIDEO_URL, PASSWORD] })
    space.script = { submit: (_, response) => response.writeHead(404).end('{"detail":"Not Found"}') }
    expect(await rejection(drive.upload(publicVideo(), uploadContext()))).toMatchObject({ status: 404 })
    expect(submitted()).toHaveLength(5)
  })

  test.each([
    ['nothing', fakeSource({ isPublic: true })],
    ['behind a key', fakeSource({ url: 'https://cdn.example/a.mp4' })],
    ['not a plain http address', publicVideo('file:///a.mp4')],
    ['not a plain http address', publicVideo('https://user:pass@cdn.example/a.mp4')],
  ])('needs a public address: %s', async (value, source) => {
    const { uploader, asked } = await scriptedSpace()
    const error = await rejection(uploader().upload(source, uploadContext()))
    expect(error).toMatchObject({ code: 'request-invalid', problems: [{ field: 'source.url', value }] })
    expect(String(error)).toContain('use an uploader that reads its bytes')
    expect(asked()).toEqual([])
    expect(source.opens).toEqual([])
  })

  test('names every option that cannot work, and shows no secret', () => {
    const make = () =>
      url2driveUploader({
        name: '',
        label: ' ',
        baseUrl: 'https://huggingface.co/spaces/owner/url2drive',
        password: '',
        token: 'canary\nsecret',
        apiName: '/upload',
        timeoutMs: 0,
        wakeTimeoutMs: -1,
        idleTimeoutMs: Number.NaN,
        uploadTimeoutMs: -5,
      })
    const fields = ['name', 'label', 'baseUrl', 'password', 'token', 'apiName']
    const times = ['timeoutMs', 'wakeTimeoutMs', 'idleTimeoutMs', 'uploadTimeoutMs']
    expect(make).toThrowError(
      expect.objectContaining({
        code: 'configuration-invalid',
        problems: [...fields, ...times].map((field) => expect.objectContaining({ field })),
      }),
    )
    expect(make).not.toThrowError(/canary/)
    expect(() => url2driveUploader({ baseUrl: 'space', password: 'x' })).toThrowError(/baseUrl is "space"/)
  })
})

describe('the result', () => {
  const uploadWith = async (result: unknown) => {
    const { uploader } = await scriptedSpace({ stream: stream(event('complete', result)) })
    return uploader().upload(publicVideo(), uploadContext())
  }

  test.each([
    [
      { ...RESULT, view_link: undefined },
      { url: 'https://drive.google.com/file/d/1AbC/view', id: '1AbC' },
    ],
    [{ ...RESULT, view_link: 'javascript:x', file_id: 'a b' }, { url: RESULT.download_link }],
    [{ status: 'success', view_link: null, file_id: null, download_link: 'http://a/b' }, { url: 'http://a/b' }],
  ])('has an address out of %j', async (result, uploaded) => {
    expect(await uploadWith([result])).toEqual(uploaded)
  })

  test.each([
    ['an answer of another shape', ['✅ done']],
    ['an answer of another shape', null],
    ['an answer of another shape', []],
    ['a success without an address', [{ status: 'success' }]],
    ['the status queued', [{ status: 'queued' }]],
  ])('that is %s may still be in Drive', async (problem, result) => {
    const error = await rejection(uploadWith(result))
    expect(error).toMatchObject({ code: 'upstream-response', isRetryable: false })
    expect(String(error)).toMatch(/: 127\.0\.0\.1:\d+ answered with .*; it may be in Google Drive$/)
    expect(String(error)).toContain(problem)
  })

  test.each([
    [{ status: 'error', message: '❌ 密码错误，拒绝访问。' }, 'authentication'],
    [{ status: 'error' }, 'upstream-response'],
  ])('%j is a failure', async (result, code) => {
    expect(await rejection(uploadWith([result]))).toMatchObject({ code })
  })
})
