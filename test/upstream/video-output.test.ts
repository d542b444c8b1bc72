import fc from 'fast-check'
import { expect, test } from 'vitest'
import { videoOutputs } from '../../src/upstream/video-output.js'

const BASE = 'https://api.example/v1/'
const URL_A = 'https://cdn.example/a.mp4'

test.each([
  { url: URL_A },
  { video_url: URL_A },
  { video: { url: URL_A } },
  { metadata: { url: URL_A } },
  { metadata: { result_url: URL_A } },
  { output: { url: URL_A } },
  { output: { videos: [{ url: URL_A }] } },
  { outputs: { video_url: URL_A } },
  { output: [URL_A] },
  { output: URL_A },
  { urls: [URL_A] },
  { data: [{ url: URL_A }] },
  { videos: [{ url: URL_A }] },
  { content: { video_url: URL_A } },
])('finds the address in %j', (answer) => {
  expect(videoOutputs(answer, BASE)).toEqual([{ kind: 'url', url: URL_A, needsKey: false }])
})

test('knows what is behind the key, what is inline, and what is relative', () => {
  expect(videoOutputs({ unsigned_urls: [URL_A] }, BASE)).toEqual([{ kind: 'url', url: URL_A, needsKey: true }])
  expect(videoOutputs({ data: [{ b64_json: 'AAAA', output_format: 'webm' }] }, BASE)).toEqual([
    { kind: 'bytes', base64: 'AAAA', mediaType: 'video/webm' },
  ])
  expect(videoOutputs({ data: [{ b64_json: 'AAAA' }] }, BASE)).toMatchObject([{ mediaType: undefined }])
  expect(videoOutputs({ url: 'data:video/mp4;base64,AAAA' }, BASE)).toEqual([
    { kind: 'bytes', base64: 'AAAA', mediaType: 'video/mp4' },
  ])
  expect(videoOutputs({ url: '/files/a.mp4' }, BASE)).toMatchObject([{ url: 'https://api.example/files/a.mp4' }])
})

test('gives several places in the order of trust', () => {
  const found = videoOutputs({ unsigned_urls: ['https://a.example/2'], url: 'https://a.example/1' }, BASE)
  expect(found.map((output) => output.kind === 'url' && output.url)).toEqual([
    'https://a.example/1',
    'https://a.example/2',
  ])
})

test.each(['gs://bucket/a.mp4', 'file:///a.mp4', 'a word', '', '   ', 'data:text/html;base64,AAAA', 'https://'])(
  'passes over %j',
  (url) => {
    expect(videoOutputs({ url }, BASE)).toEqual([])
  },
)

test('gives only http addresses and bytes, whatever the answer is', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (answer) => {
      for (const output of videoOutputs(answer, BASE)) {
        if (output.kind === 'url') expect(output.url).toMatch(/^https?:/)
      }
    }),
  )
})
