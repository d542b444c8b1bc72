import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fileEvidence, inlineOutput, type VideoOutput, videoOutputs } from '../../src/upstream/video-output.js'
import { videoBytes } from './loopback-server.js'

const BASE = 'https://api.example/v1/'
const URL_A = 'https://cdn.example/a.mp4'
// An address without evidence of what is there.
const BARE = 'https://cdn.example/a'

const textOf = (output: VideoOutput) => (output.kind === 'url' ? output.url : output.base64)
const found = (answer: unknown) => videoOutputs(answer, BASE).map(textOf)

/** An object with a value at a path such as `data.0.url`. */
function at(place: string, value: unknown): unknown {
  return place.split('.').reduceRight<unknown>((inner, name) => (name === '0' ? [inner] : { [name]: inner }), value)
}

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
  { whatever: ` ${URL_A}\n` },
  { message: JSON.stringify({ data: { url: URL_A } }) },
  { message: JSON.stringify([URL_A]) },
  URL_A,
  [URL_A],
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

test.each([BARE, [BARE], [[BARE]]])('an address that is the whole answer is one of a result: %j', (answer) => {
  expect(found(answer)).toEqual([BARE])
})

test.each(['gs://bucket/a.mp4', 'file:///a.mp4', 'a word', '', '   ', 'data:text/html;base64,AAAA', 'https://'])(
  'passes over %j',
  (url) => {
    expect(videoOutputs({ url }, BASE)).toEqual([])
  },
)

test.each(['a.mp4', 'see https://cdn.example/a.mp4', 'files/a.mp4'])(
  'a text such as %j is not an address',
  (video_url) => {
    expect(found({ video_url })).toEqual([])
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

describe('the name of a field', () => {
  test.each([
    ...['thumbnail', 'thumb_url', 'cover_image_url', 'poster', 'preview_image', 'previewImage', 'snapshot_url'],
    ...['webhook_url', 'callback_url', 'polling_url', 'status_url', 'status_uri', 'statusUrl', 'cancel_url'],
    ...['get', 'stream', 'log', 'logs', 'self', 'doc', 'docs', 'help_url', 'html', 'link_html', 'links_html', 'web'],
    ...['input_video', 'inputs', 'video_input', 'request_url', 'params', 'prompt_url', 'reference_video'],
    ...['first_frame', 'firstFrame', 'last_frame', 'lastFrameUrl', 'avatar', 'logo', 'audio_url', 'subtitle_url'],
    ...['image', 'images', 'image_url', 'imageUri', 'image_urls', 'error_url', 'gif_url', 'moderation_url'],
    ...['usage_url', 'source', 'spritesheet', 'terms_url', 'privacy_policy', 'policies'],
  ])('%s is not of the video, even beside it', (name) => {
    expect(found({ video: { [name]: BARE } })).toEqual([])
  })

  test.each([
    ...[
      'target',
      'getter',
      'streams',
      'live_stream',
      'logs_of_it',
      'itself',
      'self_link',
      'docs_of_it',
      'webm',
      'cobweb',
    ],
    ...['xhtml', 'html5', 'no_inputs', 'on_request', 'some_images', 'images_of_it', 'no_error', 'reusage', 'resource'],
    'source_url',
  ])('%s may be of a video, although it has a word from that list in it', (name) => {
    expect(found({ video: { [name]: BARE } })).toEqual([BARE])
  })

  test.each([
    ...[
      'url',
      'urls',
      'uri',
      'href',
      'link',
      'src',
      'output',
      'outputs',
      'result',
      'results',
      'resultUrl',
      'resultUrls',
    ],
    ...[
      'result_url',
      'result_urls',
      'file',
      'files',
      'file_url',
      'fileUrl',
      'media',
      'media_url',
      'mediaUrl',
      'download',
    ],
    ...['download_url', 'downloadUrl', 'download_link', 'download_uri', 'asset', 'assets', 'content', 'data'],
    ...['fail_reason', 'sample', 'samples', 'unsigned_urls', 'signed_url', 'signedUrl', 'public_url', 'publicUrl'],
    ...['generated_item', 'generated', 'video', 'my_mp4', 'movie_link', 'clip', 'animation_link'],
  ])('%s is that of a result, whatever the address', (name) => {
    expect(found({ [name]: BARE })).toEqual([BARE])
    expect(found({ [name]: [BARE] })).toEqual([BARE])
  })

  test.each([
    ...['homepage', 'site_url', 'url_of_site', 'my_link', 'linked', 'profile', 'filename', 'metadata', 'database'],
    ...['degenerated', 'unsigned_urls_note', 'download_page', 'results_page', 'owner'],
  ])('%s is not that of a result: only the file proves it there', (name) => {
    expect(found({ [name]: BARE })).toEqual([])
    expect(found({ [name]: URL_A })).toEqual([URL_A])
  })

  test.each(['input_video', 'reference', 'thumbnail', 'first_frame', 'prompt', 'request'])(
    'a video in %s is an input',
    (name) => {
      expect(found({ [name]: URL_A })).toEqual([])
      expect(found({ [name]: { url: URL_A } })).toEqual([])
    },
  )

  test.each(['image_url', 'images', 'error', 'source', 'gif'])('a video file in %s still counts', (name) => {
    expect(found({ [name]: URL_A })).toEqual([URL_A])
    expect(found({ [name]: { input: URL_A } })).toEqual([])
  })
})

describe('the name of a file', () => {
  test.each(['mp4', 'mov', 'webm', 'm4v', 'mkv', 'avi', 'MP4'])('.%s is a video, wherever it stands', (extension) => {
    expect(found({ whatever: `${BARE}.${extension}?sig=1` })).toEqual([`${BARE}.${extension}?sig=1`])
    expect(fileEvidence(new URL(`${BARE}.${extension}/info`))).toBeUndefined()
    expect(fileEvidence(new URL(`${BARE}${extension}`))).toBeUndefined()
  })

  test.each([
    ...['webp', 'png', 'jpg', 'jpeg', 'gif', 'svg', 'avif', 'bmp', 'ico', 'json', 'htm', 'html', 'php', 'txt', 'md'],
    ...['pdf', 'zip', 'mp3', 'wav', 'm4a', 'srt', 'vtt', 'js', 'css', 'PNG'],
  ])('.%s is not a video, wherever it stands', (extension) => {
    expect(found({ video_url: `${BARE}.${extension}` })).toEqual([])
    expect(found({ video_url: `${BARE}.${extension}/a` })).toEqual([`${BARE}.${extension}/a`])
    expect(found({ video_url: `${BARE}${extension}` })).toEqual([`${BARE}${extension}`])
  })
})

describe('the order', () => {
  test('is that of the evidence: a file, then what is named after a video, then a place of results', () => {
    const [file, named, placed] = ['https://a.example/3.mp4', 'https://a.example/2', 'https://a.example/1']
    expect(found({ url: placed, video_url: named, whatever: file })).toEqual([file, named, placed])
  })

  test('has bytes of the answer before an address without evidence', () => {
    expect(found({ url: BARE, b64_json: 'AAAA' })).toEqual(['AAAA', BARE])
  })

  test.each([
    ['url', 'video_url'],
    ['video_url', 'video.url'],
    ['video.url', 'metadata.url'],
    ['metadata.url', 'metadata.result_url'],
    ['metadata.result_url', 'result_url'],
    ['result_url', 'output.url'],
    ['output.url', 'output.videos.0.url'],
    ['output.videos.0.url', 'output.video_url'],
    ['output.video_url', 'outputs.video_url'],
    ['outputs.video_url', 'urls.0'],
    ['output', 'urls.0'],
    ['output.0', 'urls.0'],
    ['urls.0', 'unsigned_urls.0'],
    ['unsigned_urls.0', 'data.0.url'],
    ['data.0.url', 'videos.0.url'],
    ['data.result_url', 'data.url'],
    ['data.url', 'videos.0.url'],
    ['videos.0.url', 'content.video_url'],
    ['content.video_url', 'whatever.video_url'],
  ])('among equals has %s before %s', (first, second) => {
    const [one, other] = ['https://a.example/1.mp4', 'https://a.example/2.mp4']
    const merged = (place: string, value: string, rest: unknown) => merge(rest, at(place, value))
    expect(found(merged(first, one, at(second, other)))).toEqual([one, other])
  })

  test('has the copy in another aspect ratio than that of the request last', () => {
    const [origin, result] = ['https://cdn.example/origin.mp4', 'https://cdn.example/result.mp4']
    expect(found({ originUrls: [origin], resultUrls: [result] })).toEqual([result, origin])
  })

  test('has the copy with a watermark last, and each address once', () => {
    const [marked, clean] = ['https://a.example/1.mp4', 'https://a.example/2.mp4']
    expect(found({ watermark_url: marked, whatever: clean })).toEqual([clean, marked])
    expect(found({ url: clean, video_url: clean, data: [{ url: clean }] })).toEqual([clean])
    for (const name of ['no_watermark', 'noWatermark', 'without_watermark', 'watermark_free', 'unwatermarked'])
      expect(found({ a: { [name]: clean }, b: marked })).toEqual([clean, marked])
  })

  test('is that of any entry of a list', () => {
    const [one, other] = ['https://a.example/1.mp4', 'https://a.example/2.mp4']
    expect(found({ content: { video_url: other }, data: [{}, { url: one }] })).toEqual([one, other])
  })
})

describe('bytes in an answer', () => {
  const video = videoBytes(96).toString('base64')

  test.each(['b64_json', 'base64', 'encoded_video', 'encodedVideo', 'video_bytes', 'videoBytes'])(
    'are base64 in %s, and nothing else there',
    (name) => {
      expect(found({ [name]: 'AAA' })).toEqual(['AAA'])
      expect(found({ [name]: 'ab+/_-09AZ==' })).toEqual(['ab+/_-09AZ=='])
      for (const text of ['AA', 'a word', 'AAAA===', '(AAAA)', '']) expect(found({ [name]: text })).toEqual([])
    },
  )

  test('that begin like a video are found under any name', () => {
    expect(videoOutputs({ payload: video }, BASE)).toEqual([{ kind: 'bytes', base64: video, mediaType: 'video/mp4' }])
    expect(found({ payload: video.slice(0, 64) })).toEqual([video.slice(0, 64)])
    expect(found({ payload: video.slice(0, 63) })).toEqual([])
    expect(found({ payload: `.${video}` })).toEqual([])
    expect(found({ payload: `${video.slice(0, 40)}.${video.slice(40)}` })).toEqual([])
    const picture = Buffer.from(`\x89PNG\r\n\x1a\n${'0'.repeat(96)}`, 'latin1').toString('base64')
    expect(found({ payload: picture })).toEqual([])
  })

  test.each([
    [{ output_format: 'mp4' }, 'video/mp4'],
    [{ format: 'MOV' }, 'video/quicktime'],
    [{ output_format: 'webm', format: 'mp4' }, 'video/webm'],
    [{ format: 'gif' }, undefined],
    [{ format: 4 }, undefined],
  ])('have the type that %j beside them names', (beside, mediaType) => {
    expect(videoOutputs({ data: [{ b64_json: 'AAAA', ...beside }] }, BASE)).toMatchObject([{ mediaType }])
  })

  test.each([
    ['data:video/webm;base64,AAAA', 'video/webm'],
    ['DATA:Video/MP4;BASE64,AAAA', 'video/mp4'],
    ['data:video/mp4;codecs=avc1.42;a=b;base64,AAAA', 'video/mp4'],
    ['data:application/octet-stream;base64,AAAA', undefined],
    ['data:application/mp4;base64,AAAA', undefined],
    ['data:;base64,AAAA', undefined],
  ])('are those of %s', (url, mediaType) => {
    expect(inlineOutput(url)).toEqual({ kind: 'bytes', base64: 'AAAA', mediaType })
  })

  test.each([
    'data:image/png;base64,AAAA',
    'data:application/mp4a;base64,AAAA',
    'data:x-application/mp4;base64,AAAA',
    'data:not-a-video/mp4;base64,AAAA',
    'data:video/mp4,AAAA',
    'see data:video/mp4;base64,AAAA',
  ])('are not those of %s', (url) => {
    expect(inlineOutput(url)).toBeUndefined()
  })
})

describe('a large answer', () => {
  const nested = (depth: number) => at(Array(depth).fill('video').join('.'), BARE)

  test('is read eight fields deep', () => {
    expect(found(nested(8))).toEqual([BARE])
    expect(found(nested(9))).toEqual([])
  })

  test('is read for its first 5,000 values', () => {
    const list = (before: number) => [...Array(before).fill(0), URL_A]
    expect(found(list(4_998))).toEqual([URL_A])
    expect(found(list(4_999))).toEqual([])
  })
})

function merge(one: unknown, other: unknown): unknown {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return other
  if (Array.isArray(one) && Array.isArray(other)) return one.map((entry, index) => merge(entry, other[index]))
  const [left, right] = [one, other] as [Record<string, unknown>, Record<string, unknown>]
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])]
  return Object.fromEntries(
    names.map((name) => [
      name,
      name in left && name in right ? merge(left[name], right[name]) : (left[name] ?? right[name]),
    ]),
  )
}
