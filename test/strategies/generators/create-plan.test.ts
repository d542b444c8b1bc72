import { describe, expect, test } from 'vitest'
import { InvalidRequestError } from '../../../src/contracts/input-errors.js'
import type { VideoRequest } from '../../../src/contracts/request.js'
import { planCreate } from '../../../src/strategies/generators/videos-api/create-plan.js'
import { stageContext } from '../../upstream/stage-context.js'

const PNG = { bytes: new Uint8Array(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')), mediaType: 'image/png' }
const MP4 = { bytes: new Uint8Array(Buffer.from('\0\0\0\x18ftypisom', 'latin1')), mediaType: 'video/mp4' }
const defaults = {
  name: 'mine',
  model: 'sora-2',
  secondsType: 'string',
  videoInput: 'edits',
  dialect: 'openai',
} as const

function plan(request: Partial<VideoRequest>, more: Partial<Parameters<typeof planCreate>[1]> = {}) {
  const context = stageContext()
  const planned = planCreate({ prompt: 'A cat', ...request }, { ...defaults, ...more }, context)
  return { ...planned, warned: context.warnings.map(({ message }) => /send (\w+)/.exec(message)?.[1]) }
}

function problems(request: Partial<VideoRequest>): string[] {
  try {
    plan(request)
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidRequestError)
    return (error as InvalidRequestError).problems.map(({ field }) => field)
  }
  return []
}

describe('planCreate', () => {
  test('sends what the family has', () => {
    expect(plan({ durationSeconds: 8, size: '1280x720' })).toMatchObject({
      path: '/videos',
      fields: { prompt: 'A cat', model: 'sora-2', seconds: '8', size: '1280x720' },
      overrides: {},
      warned: [],
    })
    expect(plan({ model: 'other', durationSeconds: 8 }, { secondsType: 'number' }).fields).toEqual({
      prompt: 'A cat',
      model: 'other',
      seconds: 8,
    })
    expect(plan({}, { model: undefined }).fields).toEqual({ prompt: 'A cat' })
  })

  test.each([
    [{ aspectRatio: '16:9' }, '1280x720'],
    [{ aspectRatio: '9 : 16' }, '720x1280'],
    [{ aspectRatio: '4:7' }, '1024x1792'],
    [{ aspectRatio: '1:1', size: '480x480' }, '480x480'],
    [{ aspectRatio: '16:9', size: '768P' }, '768P'],
  ])('%j requests %s', (request, size) => {
    expect(plan(request).fields.size).toBe(size)
  })

  test.each([
    [{ aspectRatio: '21:9' }, ['aspectRatio']],
    [{ aspectRatio: '16:9', size: '720x1280' }, ['aspectRatio']],
    [{ style: 'anime', storyboard: [] }, ['storyboard', 'style']],
    [
      { lastFrame: PNG, references: [PNG], audioInput: 'https://a.example/a.mp3' },
      ['lastFrame', 'references', 'audioInput'],
    ],
    [{ image: PNG, video: MP4, remixOf: 'v_1' }, ['video', 'remixOf']],
    [{ video: 'https://a.example/v.mp4' }, ['video']],
    [{ image: 'nonsense' }, ['image']],
    [{ providerOptions: { videoInput: 'mix' } }, ['providerOptions.videoInput']],
  ] as const)('%j is refused', (request, fields) => {
    expect(problems(request)).toEqual(fields)
  })

  test.each([
    [{ aspectRatio: '21:9' }, 'give a size instead, such as 1280x720: no known size has this ratio'],
    [{ aspectRatio: '16:9', size: '720x1280' }, 'leave it out, or give a size of this ratio instead of 720x1280'],
    [{ style: 'anime' }, 'leave it out: the dialect "openai" of mine has no such field; or give it in providerOptions'],
    [{ lastFrame: PNG }, 'leave it out: the dialect "openai" of mine has no such field; or give it in providerOptions'],
    [{ image: PNG, remixOf: 'v_1' }, 'leave it out: image is given, and one video begins with one of them'],
    [
      { video: 'https://a.example/v.mp4' },
      'download it and give its bytes: the upstream does not accept the address of a video',
    ],
    [{ providerOptions: { videoInput: 'mix' } }, 'give edits or extensions'],
  ] as const)('%j is refused with what to do', (request, fix) => {
    expect(() => plan(request)).toThrow(fix)
  })

  test('an extension keeps all but the length, an edit the length too', () => {
    const request = { video: MP4, durationSeconds: 8, model: 'm', size: '1280x720', aspectRatio: '16:9' }
    expect(plan(request).warned).toEqual(['model', 'size', 'aspectRatio', 'durationSeconds'])
    expect(plan(request, { videoInput: 'extensions' }).warned).toEqual(['model', 'size', 'aspectRatio'])
    expect(plan({ ...request, video: undefined, remixOf: 'v_1' }, { videoInput: 'extensions' }).warned).toHaveLength(4)
  })

  test.each([
    [{ size: ' 1280 x 720 ', aspectRatio: '16:9' }, ' 1280 x 720 '],
    [{ size: '1280×720', aspectRatio: '16:9' }, '1280×720'],
    [{ size: '1280*720', aspectRatio: '32:18' }, '1280*720'],
    [{ aspectRatio: '7:4' }, '1792x1024'],
    [{}, undefined],
  ])('%j requests the size %s', (request, size) => {
    expect(plan(request).fields.size).toBe(size)
  })

  test('warns of what changes little, and is silent where providerOptions has it', () => {
    expect(plan({ seed: 1, audio: false, user: 'u', metadata: { a: 'b' } }).warned).toEqual(['seed', 'audio', 'user'])
    expect(plan({ seed: 1, style: 'anime', providerOptions: { seed: 1, style: 'anime' } })).toMatchObject({
      warned: [],
      overrides: { seed: 1, style: 'anime' },
    })
  })

  test.each([
    [{}, {}, 'seed: the dialect "openai" has no such field'],
    [{}, { dialect: 'new-api' }, 'seed: the dialect "new-api" has no such field'],
    [{ remixOf: 'v_1' }, { dialect: 'litellm' }, 'seed: a remix has no such field'],
    [{ video: MP4 }, {}, 'seed: an edit has no such field'],
    [{ video: MP4 }, { videoInput: 'extensions' }, 'seed: an extension has no such field'],
  ] as const)('the warning about a seed beside %j with %j names what lacks it', (request, more, reason) => {
    const context = stageContext()
    planCreate({ prompt: 'A cat', seed: 1, ...request }, { ...defaults, ...more }, context)
    expect(context.warnings.map(({ message }) => message)).toEqual([`mine does not send ${reason}`])
  })

  test('a remix sends the prompt, and warns of what it keeps', () => {
    expect(plan({ remixOf: 'a/b', durationSeconds: 8, aspectRatio: '21:9' })).toMatchObject({
      path: '/videos/a%2Fb/remix',
      fields: { prompt: 'A cat' },
      warned: ['aspectRatio', 'durationSeconds'],
    })
  })

  test('a video is edited, or extended when the options or the request require it', () => {
    expect(plan({ video: MP4, durationSeconds: 8 })).toMatchObject({
      path: '/videos/edits',
      fields: { prompt: 'A cat' },
      video: { mediaType: 'video/mp4' },
      warned: ['durationSeconds'],
    })
    const extended = {
      path: '/videos/extensions',
      fields: { prompt: 'A cat', seconds: '8' },
      warned: [],
      overrides: {},
    }
    expect(plan({ video: MP4, durationSeconds: 8, providerOptions: { videoInput: 'extensions' } })).toMatchObject(
      extended,
    )
    expect(plan({ video: MP4, durationSeconds: 8 }, { videoInput: 'extensions' })).toMatchObject(extended)
  })
})
