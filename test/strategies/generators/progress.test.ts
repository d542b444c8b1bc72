import { describe, expect, test } from 'vitest'
import { progressRatio } from '../../../src/strategies/generators/answers/progress-ratio.js'
import { ChatFrame } from '../../../src/strategies/generators/chat-completions/chat-frame.js'
import {
  contentProgress,
  reasoningProgress,
} from '../../../src/strategies/generators/chat-completions/chat-progress.js'
import { maskOf } from '../../../src/upstream/secret.js'

const mask = maskOf(['canary-1'])

describe('the progress of a job', () => {
  test.each([
    ['12/20', 0.6],
    [' 12 / 20 ', 0.6],
    ['30/20', 1],
    ['0/20', 0],
    ['12/0', undefined],
    ['12/20 steps', undefined],
    ['step 12/20', undefined],
    ['1234567890/20', undefined],
    ['45 %', 0.45],
    ['-3%', 0],
    ['12.5', 0.125],
    ['45%!', undefined],
    ['at 45%', undefined],
    ['1234567890', undefined],
    ['1.', undefined],
    [Number.POSITIVE_INFINITY, undefined],
    [[45], undefined],
  ])('%j is %s', (value, ratio) => {
    expect(progressRatio(value)).toBe(ratio)
  })

  test.each([
    [{ value: 5, max: 20 }, 0.25],
    [{ current: 5, total: 20 }, 0.25],
    [{ current_step: 5, total_steps: 20 }, 0.25],
    [{ step: 5, steps: 20 }, 0.25],
    [{ completed: 5, total: 20 }, 0.25],
    [{ percent: 25 }, 0.25],
    [{ percentage: '25%' }, 0.25],
    [{ progress_percent: '5/20' }, 0.25],
    [{ percent: 25, value: 1, max: 2 }, 0.25],
    [{ percent: 'soon', value: 1, max: 2 }, 0.5],
    [{ value: 30, max: 20 }, 1],
    [{ value: 0, max: 20 }, 0],
    [{ value: -1, max: 20 }, undefined],
    [{ value: 5, max: 0 }, undefined],
    [{ value: '5', max: 20 }, undefined],
    [{ value: 5, max: '20' }, undefined],
    [{ value: 5 }, undefined],
    [{}, undefined],
  ])('%j is %s', (value, ratio) => {
    expect(progressRatio(value)).toBe(ratio)
  })
})

describe('the progress in a chat', () => {
  const of = (delta: unknown) => {
    const frame = ChatFrame.parse({ choices: [{ delta }] })
    return reasoningProgress(frame.choices?.[0]?.delta ?? {}, mask)
  }

  test.each([
    [{ progress: 0.4 }, { ratio: 0.4 }],
    [{ progress: 1.5 }, { ratio: 1 }],
    [{ progress: -1 }, { ratio: 0 }],
    [
      { progress: 0, reasoning_content: '40% done' },
      { ratio: 0, message: '40% done' },
    ],
    [{ reasoning_content: '40% done' }, { ratio: 0.4, message: '40% done' }],
    [{ reasoning_content: 'at 12.5 %' }, { ratio: 0.125, message: 'at 12.5 %' }],
    [{ reasoning_content: 'at 140%' }, { ratio: 1, message: 'at 140%' }],
    [{ reasoning_content: 'version 1.50%' }, { ratio: 0.015, message: 'version 1.50%' }],
    [{ reasoning_content: 'of 1234%' }, { message: 'of 1234%' }],
    [
      { reasoning_content: '**Progress**: 40% (processing)' },
      { ratio: 0.4, phase: 'processing', message: 'Progress: 40% (processing)' },
    ],
    [
      { reasoning_content: '[generation] (running) Rendering' },
      { phase: 'generation', message: '[generation] (running) Rendering' },
    ],
    [{ reasoning_content: 'Not [a stage]' }, { message: 'Not [a stage]' }],
    [{ reasoning_content: '40 (no stage)' }, { message: '40 (no stage)' }],
    [{ reasoning_content: `[${'a'.repeat(61)}] x` }, { message: `[${'a'.repeat(61)}] x` }],
    [{ reasoning_content: '> quoted\n' }, { message: 'quoted' }],
    [{ wm: { stage: 'queue', attempt: 2 } }, { phase: 'queue', message: 'attempt 2' }],
    [{ wm: { stage: 'a'.repeat(80) } }, { phase: 'a'.repeat(60) }],
    [{ wm: { attempt: 2 }, reasoning_content: 'Waiting' }, { message: 'Waiting' }],
    [
      { wm: { stage: 'queue' }, reasoning_content: '[other] 40% (another)' },
      { ratio: 0.4, phase: 'queue', message: '[other] 40% (another)' },
    ],
    [{ reasoning_content: 'no canary-1 here' }, { message: 'no [redacted] here' }],
    [{ reasoning_content: '' }, undefined],
    [{ content: 'x' }, undefined],
    [{}, undefined],
  ])('%j is %j', (delta, progress) => {
    expect(of(delta)).toEqual(progress)
  })

  test.each([
    ['🎬 开始生成视频...', { message: '🎬 开始生成视频...' }],
    ['进度: 40%', { ratio: 0.4, message: '进度: 40%' }],
    ['**Progress** 40%', { ratio: 0.4, message: 'Progress 40%' }],
    ['40% of cats sleep', { message: '40% of cats sleep' }],
    ['', undefined],
  ])('in prose of an answer, %j is %j', (prose, progress) => {
    expect(contentProgress(prose, mask)).toEqual(progress)
  })
})
