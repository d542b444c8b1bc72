import { describe, expect, it } from 'vitest'
import { callVerb, flawOfVideo, type StageCalls, type Strategy, type Verb } from '../../src/calling/stage-calls.js'
import { UpstreamResponseError } from '../../src/index.js'
import { fakeContext, fakeSource } from '../../src/testing/index.js'

const source = fakeSource({ byteLength: 10 })
const video = { id: 'gen_1', url: 'https://a.example/a.mp4' }
const inputs = { generate: { prompt: 'A cat' }, publish: video, resolve: { video }, upload: source }

function call<V extends Verb>(verb: V, output: unknown) {
  const strategy = { name: 'it', [verb]: async () => output } as unknown as Strategy
  return callVerb(verb, strategy as StageCalls[V]['strategy'], inputs[verb] as StageCalls[V]['input'], fakeContext())
}

describe('callVerb', () => {
  it.each([
    ['generate', null, 'null'],
    ['generate', {}, 'id nothing'],
    ['generate', { id: '', url: video.url }, 'id ""'],
    ['generate', { id: 7, url: video.url }, 'id 7'],
    ['generate', { id: 'gen_1' }, 'neither url nor source'],
    ['generate', { id: 'gen_1', source: {} }, 'neither url nor source'],
    ['generate', { id: 'gen_1', url: 'a.mp4' }, 'url "a.mp4"'],
    ['publish', undefined, 'nothing'],
    ['publish', { id: '' }, 'id ""'],
    ['resolve', 'https://a.example/a.mp4', '"https://a.example/a.mp4"'],
    ['resolve', { url: 'ftp://a.example/a.mp4' }, 'url "ftp://a.example/a.mp4"'],
    ['resolve', { url: 'xhttps://a.example/a.mp4' }, 'url "xhttps://a.example/a.mp4"'],
    ['upload', { url: 'httpsx://a.example/a.mp4' }, 'url "httpsx://a.example/a.mp4"'],
    ['upload', { url: new URL('https://a.example/a.mp4') }, 'url an object'],
    ['upload', {}, 'url nothing'],
  ] as const)('refuses what came of %s: %j', async (verb, output, flaw) => {
    const error = await call(verb, output).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(UpstreamResponseError)
    expect(error).toMatchObject({
      message: `Could not ${verb} with it, its result is unusable: ${flaw}`,
      strategy: 'it',
    })
  })

  it.each([
    ['generate', video],
    ['generate', { id: 'gen_1', source }],
    ['publish', { id: 'post_1' }],
    ['resolve', { url: 'http://a.example/a.mp4' }],
    ['upload', { url: 'https://a.example/a.mp4', id: 'file_1' }],
  ] as const)('gives what came of %s as it is: %j', async (verb, output) => {
    await expect(call(verb, output)).resolves.toBe(output)
  })
})

it('a video with an unusable URL is not saved by its source', () => {
  expect(flawOfVideo({ id: 'gen_1', url: 'nowhere', source })).toBe('url "nowhere"')
})
