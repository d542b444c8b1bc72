import { expect, test } from 'vitest'
import {
  frameProblem,
  lengthProblem,
  ratioProblem,
} from '../../../src/strategies/generators/chat-completions/chat-model-name.js'

const FIX = 'leave it out, or use a matching model, such as sora2-landscape-10s'

test.each([
  ['sora2-landscape-10s', 10],
  ['sora_video2-portrait_25s', 25],
  ['10s', 10],
  ['sora2-10S', 10],
])('%s sets a length of %i s, and no other', (model, seconds) => {
  expect(lengthProblem(model, seconds)).toBeUndefined()
  expect(lengthProblem(model, seconds + 1)).toBe(FIX)
})

test.each(['sora2', 'sora2-10s-hd', 'sora10s', 'sora2-12345s', 'sora2-10'])('%s sets no length', (model) => {
  for (const seconds of [2, 10, 12345]) expect(lengthProblem(model, seconds)).toBe(FIX)
})

test.each([
  ['sora2-landscape-10s', 'landscape'],
  ['sora2_LANDSCAPE', 'landscape'],
  ['landscape', 'landscape'],
  ['sora2pro-hd-portrait-15s', 'portrait'],
  ['portrait_sora', 'portrait'],
])('%s has the shape %s, and no other', (model, shape) => {
  const [ratio, frame] = shape === 'landscape' ? ['16:9', '1280x720'] : ['9:16', '720x1280']
  const [otherRatio, otherFrame] = shape === 'landscape' ? ['9:16', '720x1280'] : ['16:9', '1280x720']
  expect([ratioProblem(model, ratio), frameProblem(model, frame)]).toEqual([undefined, undefined])
  expect([ratioProblem(model, otherRatio), frameProblem(model, otherFrame)]).toEqual([FIX, FIX])
  for (const none of ['1:1', undefined]) expect(ratioProblem(model, none)).toBe(FIX)
  for (const none of ['720x720', '720P', undefined]) expect(frameProblem(model, none)).toBe(FIX)
})

test.each(['sora2', 'landscapes', 'sora2-landscaped-10s', 'mylandscape'])('%s sets no shape', (model) => {
  expect([ratioProblem(model, '16:9'), frameProblem(model, '1280x720')]).toEqual([FIX, FIX])
})
