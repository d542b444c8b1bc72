import { describe, expect, it } from 'vitest'
import { flawOfVideo } from '../../src/calling/result-flaws.js'
import { callVerb, type StageCalls, type Strategy, type Verb } from '../../src/calling/stage-calls.js'
import { SubmissionUnknownError, UpstreamResponseError } from '../../src/index.js'
import { fakeContext, fakeSource } from '../../src/testing/index.js'

const source = fakeSource({ byteLength: 10 })
const video = { id: 'gen_1', url: 'https://a.example/a.mp4' }
const URL_FIX = 'give an absolute http or https address'
const inputs = { generate: { prompt: 'A cat' }, publish: video, resolve: { video }, upload: source }

function call<V extends Verb>(verb: V, output: unknown) {
  const strategy = { name: 'it', [verb]: async () => output } as unknown as Strategy
  return callVerb(verb, strategy as StageCalls[V]['strategy'], inputs[verb] as StageCalls[V]['input'], fakeContext())
}

describe('callVerb', () => {
  it.each([
    ['generate', null, 'it is null; give { id, url } or { id, source }'],
    ['generate', ['a'], 'it is an array of 1; give { id, url } or { id, source }'],
    ['generate', {}, "id is nothing; give the upstream's id of the video as text"],
    ['generate', { id: '', url: video.url }, 'id is ""; give the upstream\'s id of the video as text'],
    ['generate', { id: 7, url: video.url }, "id is 7; give the upstream's id of the video as text"],
    ['generate', { id: 'gen_1' }, 'url and source are missing; give url, or source with open()'],
    ['generate', { id: 'gen_1', source: {} }, 'source is an object; give a VideoSource with open(), or url'],
    ['generate', { id: 'gen_1', url: 'a.mp4' }, `url is "a.mp4"; ${URL_FIX}`],
    ['publish', undefined, 'it is nothing; give { id }'],
    ['publish', { id: '' }, 'id is ""; give the id of the post as text'],
    ['resolve', video.url, `it is "${video.url}"; give { url }`],
    ['resolve', { url: 'ftp://a.example/a.mp4' }, `url is "ftp://a.example/a.mp4"; ${URL_FIX}`],
    ['resolve', { url: 'xhttps://a.example/a.mp4' }, `url is "xhttps://a.example/a.mp4"; ${URL_FIX}`],
    ['upload', { url: 'httpsx://a.example/a.mp4' }, `url is "httpsx://a.example/a.mp4"; ${URL_FIX}`],
    ['upload', { url: new URL('https://a.example/a.mp4') }, `url is an object; ${URL_FIX}`],
    ['upload', {}, `url is nothing; ${URL_FIX}`],
  ] as const)('names what is wrong with the result of %s, and what to give: %j', async (verb, output, flaw) => {
    const error = await call(verb, output).catch((thrown: unknown) => thrown)
    // A video that was generated was paid.
    expect(error).toBeInstanceOf(verb === 'generate' ? SubmissionUnknownError : UpstreamResponseError)
    expect(error).toMatchObject({
      message: `Could not use the result of ${verb}() of it: ${flaw}`,
      strategy: 'it',
      isRetryable: false,
    })
  })

  it('names a result that cannot be read', async () => {
    const get = () => {
      throw new Error('hostile')
    }
    const message = 'Could not use the result of publish() of it: id is nothing; give the id of the post as text'
    await expect(call('publish', Object.defineProperty({}, 'id', { get }))).rejects.toMatchObject({ message })
  })

  it.each([
    ['generate', video],
    ['generate', { id: 'gen_1', source }],
    ['publish', { id: 'post_1' }],
    ['resolve', { url: 'http://a.example/a.mp4' }],
    ['upload', { url: 'https://a.example/a.mp4', id: 'file_1' }],
  ] as const)('passes the result of %s on unchanged: %j', async (verb, output) => {
    await expect(call(verb, output)).resolves.toBe(output)
  })
})

it('a video with an unusable URL is not saved by its source', () => {
  expect(flawOfVideo({ id: 'gen_1', url: 'nowhere', source })).toBe(`url is "nowhere"; ${URL_FIX}`)
})
