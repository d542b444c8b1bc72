import { describe, expect, test } from 'vitest'
import { hasVideoEvidence, inputAddresses, type VideoOutput, videoOutputs } from '../../src/upstream/video-output.js'

const BASE = 'https://api.example/v1/'
const MAIN = 'https://cdn.example/main'
const OTHER = 'https://cdn.example/other.mp4'

const textOf = (output: VideoOutput) => (output.kind === 'url' ? output.url : output.base64)
const found = (answer: unknown) => videoOutputs(answer, BASE).map(textOf)

describe('a preview', () => {
  test.each([
    { preview_url: OTHER, assets: { video: MAIN } },
    { previewUrl: OTHER, output: { video: MAIN } },
    { preview: { url: OTHER }, result: { file: MAIN } },
    { video: { preview_video_url: OTHER }, url: MAIN },
    { lowResUrl: OTHER, url: MAIN },
    { teaser_url: OTHER, download_url: MAIN },
    { outputs: [{ type: 'preview', url: OTHER }, { url: MAIN }] },
    { outputs: [{ url: MAIN }, { quality: 'Preview', url: OTHER }] },
    {
      outputs: [
        { label: 'preview-video', url: OTHER },
        { label: 'final', url: MAIN },
      ],
    },
    {
      renditions: [
        { quality: 'low', url: OTHER },
        { quality: 'high', url: MAIN },
      ],
    },
    { files: [{ is_preview: true, url: OTHER }, { url: MAIN }] },
    { data: { files: { low: { kind: 'preview', url: OTHER }, full: { url: MAIN } } } },
    { original_video: OTHER, result: { url: MAIN } },
  ])('comes after the video: %j', (answer) => {
    expect(found(answer)).toEqual([MAIN, OTHER])
    expect(videoOutputs(answer, BASE).map(({ isLastResort }) => isLastResort)).toEqual([undefined, true])
  })

  test('is an output where nothing else is, and no evidence for the video', () => {
    expect(found({ preview_url: OTHER })).toEqual([OTHER])
    expect(hasVideoEvidence({ preview_url: OTHER }, BASE)).toBe(false)
    expect(hasVideoEvidence({ preview_url: OTHER, video_url: MAIN }, BASE)).toBe(true)
  })

  test('is not a field in which a server has the video itself', () => {
    expect(found({ remixed_from_video_id: OTHER })).toEqual([OTHER])
  })

  test('is not the quality of a whole job', () => {
    const [output] = videoOutputs({ data: { id: 'j', status: 'completed', quality: 'preview', url: OTHER } }, BASE)
    expect(output).toEqual({ kind: 'url', url: OTHER, needsKey: false })
    expect(videoOutputs({ type: 'preview', url: OTHER }, BASE)[0]).not.toHaveProperty('isLastResort')
  })

  test.each(['no_preview_url', 'without_preview'])('is not what %s names', (name) => {
    expect(videoOutputs({ [name]: OTHER }, BASE)[0]).not.toHaveProperty('isLastResort')
  })
})

describe('an input', () => {
  test.each([
    { url: OTHER, role: 'input' },
    { url: OTHER, role: 'Reference' },
    { url: OTHER, purpose: 'source' },
    { type: 'input_video', url: OTHER },
    { kind: 'driving', video: { url: OTHER } },
    { is_input: true, url: OTHER },
  ])('is never an output: %j in a list', (entry) => {
    expect(found({ assets: [entry, { url: MAIN }] })).toEqual([MAIN])
    expect(found({ assets: [entry] })).toEqual([])
  })

  test.each([
    ...['source_video', 'sourceVideo', 'source_video_url', 'driving_video', 'drivingVideoUrl', 'driver_video'],
    ...['remixed_from', 'remixedFrom', 'remix_of', 'extended_from', 'edit_source', 'derived_from', 'continued_from'],
    ...['ref_video', 'init_video', 'base_video', 'control_video', 'pose_video', 'previous_video'],
    ...['src_video_url', 'parent', 'video_to_extend', 'from_video', 'from_videos'],
  ])('is never what %s names', (name) => {
    expect(found({ [name]: OTHER })).toEqual([])
    expect(found({ [name]: { url: OTHER } })).toEqual([])
    expect(found({ [name]: [{ video: { url: OTHER } }], url: MAIN })).toEqual([MAIN])
  })
})

test('the inputs of an answer are known by their addresses', () => {
  const answer = { source_video: OTHER, files: [{ role: 'input', url: '/a' }, { url: MAIN }], input_image: 'a word' }
  expect(inputAddresses(answer, BASE)).toEqual([OTHER, 'https://api.example/a'])
})

describe('a picture', () => {
  test.each([
    { kind: 'poster' },
    { type: 'thumbnail' },
    { role: 'cover_image' },
    { label: 'First Frame' },
    { type: 'audio' },
    { mimeType: 'image/webp' },
    { mime_type: 'IMAGE/PNG' },
    { contentType: 'audio/mpeg' },
    { media_type: 'image/jpeg; q=1' },
    { type: 'image/png' },
    { format: 'webp' },
  ])('is not the video, although its address names no file: %j', (kind) => {
    expect(found({ outputs: [{ ...kind, url: MAIN }] })).toEqual([])
    expect(found({ output: { ...kind, uri: MAIN } })).toEqual([])
    expect(found({ outputs: [{ ...kind, b64_json: 'AAAA' }] })).toEqual([])
    // The file itself is stronger evidence than a word beside it.
    expect(found({ outputs: [{ ...kind, url: OTHER }] })).toEqual([OTHER])
    expect(found({ outputs: [{ ...kind, video_url: MAIN }] })).toEqual([MAIN])
  })

  test('is not what a job is called', () => {
    expect(found({ type: 'image', url: MAIN })).toEqual([MAIN])
    expect(found({ data: { task_id: 't', status: 'SUCCESS', type: 'image', url: MAIN } })).toEqual([MAIN])
    expect(found({ data: { model: 'm', type: 'image', url: MAIN } })).toEqual([MAIN])
  })
})
