import { expect, test } from 'vitest'
import { readModelName } from '../../../src/http/requests/model-name.js'
import { isDoneWithin } from '../../support/is-done-within.js'

test.each([
  ['sora2-landscape-10s', 10, '1280x720'],
  ['sora2-portrait-15s', 15, '720x1280'],
  ['sora2-landscape-25s', 25, '1280x720'],
  ['sora2pro-landscape-25s', 25, '1280x720'],
  ['sora2pro-hd-landscape-25s', 25, '1792x1024'],
  ['sora2pro-hd-portrait-10s', 10, '1024x1792'],
  ['sora-video-portrait-15s', 15, '720x1280'],
  ['sora-video-10s', 10, '1280x720'],
  ['sora_video2-landscape-10s', 10, '1280x720'],
  ['sora_video2-pro-hd-portrait-10s', 10, '1024x1792'],
  ['Sora2-Portrait-10S', 10, '720x1280'],
])('%s is %d seconds of %s, and not a model', (name, durationSeconds, size) => {
  expect(readModelName(name)).toEqual({ durationSeconds, size })
})

test('sora-1.0 is the default of the generator', () => {
  expect(readModelName('sora-1.0')).toEqual({})
})

test.each([
  'sora-2',
  'sora-2-pro',
  'sora-2-2025-12-08',
  'sora',
  'sora2',
  'sora2-landscape',
  'sora2-landscape-0s',
  'sora2-landscape-10s-beta',
  'my-sora2-landscape-10s',
  'sora2-extension-10s',
  'sora-image-landscape',
  'wan-2.2',
  'veo3-landscape-10s',
  'constructor',
  '__proto__',
])('%s is a name of the upstream', (model) => {
  expect(readModelName(model)).toEqual({ model })
})

test.each(['sora-', 'sora2pro-hd-', '1', '-10'])('a megabyte of %s is read quickly', (unit) => {
  const name = `sora2-${unit.repeat(1_000_000 / unit.length)}`
  expect(isDoneWithin(100, () => readModelName(name))).toBe(true)
})
