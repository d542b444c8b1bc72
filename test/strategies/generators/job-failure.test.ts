import { describe, expect, test } from 'vitest'
import { layersOf } from '../../../src/strategies/generators/answers/answer-layers.js'
import {
  hasError,
  isFiltered,
  isModerated,
  jobFailure,
} from '../../../src/strategies/generators/answers/job-failure.js'
import { maskOf } from '../../../src/upstream/secret.js'

const failure = (body: unknown, state = 'failed') =>
  jobFailure({ id: 'v_1', layers: layersOf(body), state, mask: maskOf(['canary-1']) })
const messageOf = (body: unknown, state?: string) =>
  failure(body, state).message.replace(/^Could not generate the video: job v_1 ended as /, '')

describe('the sentence of a failed job', () => {
  test.each([
    [{ error: { code: 'oom', message: 'Out of memory' } }, 'failed, oom, Out of memory'],
    [{ error: 'Out of memory' }, 'failed, Out of memory'],
    [{ error: { code: 'failed' } }, 'failed'],
    [{ failReason: 'Out of memory' }, 'failed, Out of memory'],
    [{ message: 'Out of memory' }, 'failed, Out of memory'],
    [{ data: { id: 'v_1', task_status_msg: 'Out of memory' } }, 'failed, Out of memory'],
    [{ error: null, fail_reason: '', message: 'success', detail: 'Out of memory' }, 'failed, Out of memory'],
    [{ fail_reason: 'https://cdn.example/v.mp4', message: 'Out of memory' }, 'failed, Out of memory'],
    [{ fail_reason: ' data:video/mp4;base64,AAAA ' }, 'failed'],
    [{ fail_reason: 'See https://help.example/v' }, 'failed, See https://help.example/v'],
    [{ error: 'https://help.example/v is the page' }, 'failed, https://help.example/v is the page'],
    [{ error_code: 'oom' }, 'failed, oom'],
    [{ error_type: 'oom' }, 'failed, oom'],
    [{ failure_code: 1003 }, 'failed, 1003'],
    [{ err_code: 'oom' }, 'failed, oom'],
    [{ code: 500, message: 'Out of memory' }, 'failed, 500, Out of memory'],
    [{ code: 0, status_code: 1026 }, 'failed, 1026'],
    [{ status: 'failed', type: 'video', code: 'success' }, 'failed'],
    [{ reason: 'out_of_memory' }, 'failed, out_of_memory'],
    [{ videos: [{ reason_str: 'Out of memory' }] }, 'failed, Out of memory'],
    [{ id: 'v_1' }, 'failed'],
    [{ error: 'no canary-1 here' }, 'failed, no [redacted] here'],
  ])('of %j', (body, message) => {
    expect(messageOf(body)).toBe(message)
    expect(failure(body)).toMatchObject({ code: 'generation-failed', isRetryable: false })
  })

  test('has the state of an answer without more details', () => {
    expect(messageOf({}, 'expired')).toBe('expired')
    expect(failure({}, 'expired')).toMatchObject({ upstreamCode: 'expired' })
    expect(failure({ error: { code: 'oom' } })).toMatchObject({ upstreamCode: 'oom' })
  })
})

describe('the verdict on a failed job', () => {
  test.each([
    [{ error: { code: 'moderation_blocked' } }, 'failed'],
    [{ error: { message: 'Failed', details: 'Your prompt violates our policies' } }, 'failed'],
    [{ error_code: 'content_policy_violation' }, 'failed'],
    [{ reason: 'output_moderation' }, 'failed'],
    [{ message: 'It violates our policies' }, 'failed'],
    [{ generations: [{ reason_str: 'It violates our guardrails' }] }, 'failed'],
    [{ rai_media_filtered_reasons: ['It violates Google policy'] }, 'failed'],
    [{ markdownReasonStr: 'It violates our policies' }, 'failed'],
    [{}, 'moderated'],
  ])('is in %j', (body, state) => {
    expect(failure(body, state)).toMatchObject({ code: 'content-rejected' })
  })

  test('is reported once where its sentence is its word', () => {
    expect(messageOf({ reason: 'output_moderation' })).toBe('failed, output_moderation')
  })

  test('has its own sentence, where another stands before it', () => {
    expect(messageOf({ error: { message: 'Upstream failed', details: 'It violates our policies' } })).toBe(
      'failed, It violates our policies',
    )
  })

  test('is in no word of the answer that is not about an error', () => {
    expect(failure({ type: 'moderation_blocked_video', status: 'nsfw' })).toMatchObject({ code: 'generation-failed' })
    expect(failure({ reason: `${'a'.repeat(80)}_nsfw` })).toMatchObject({ code: 'generation-failed' })
  })
})

test.each([
  [{ error: 'Out of memory' }, true],
  [{ error: { code: 0, message: 'success' } }, false],
  [{ failure_details: 'Out of memory' }, true],
  [{ task_status_msg: 'Out of memory' }, true],
  // An error only where the state shows it.
  [{ message: 'Out of memory' }, false],
  [{ status_reason: 'Out of memory' }, false],
  [{ detail: 'Out of memory' }, false],
  [{ fail_reason: 'https://cdn.example/v' }, false],
  [{ fail_reason: 'HTTPS is broken' }, true],
])('%j has an error: %s', (body, expected) => {
  expect(hasError(layersOf(body))).toBe(expected)
})

test.each([
  [{ moderated: true }, true],
  [{ isModerated: true }, true],
  [{ moderation_blocked: true }, true],
  [{ respect_moderation: false }, true],
  [{ video: { url: 'x', moderated: true }, other: 1 }, true],
  [{ videos: [{}, [{ moderated: true }]] }, true],
  [{ moderated: false, respect_moderation: true }, false],
  [{ moderated: 'no', moderation: true }, false],
  [{ id: 'v_1', status: 'done', a: { b: { c: { moderated: true } } } }, true],
  [{ id: 'v_1', status: 'done', a: { b: { c: { d: { moderated: true } } } } }, false],
  [{ list: [...Array(19).fill({}), { moderated: true }], d: 1 }, true],
  [{ list: [...Array(20).fill({}), { moderated: true }], d: 1 }, false],
])('%j is moderated: %s', (body, expected) => {
  expect(isModerated(layersOf(body))).toBe(expected)
})

test.each([
  [{ raiMediaFilteredCount: 1 }, true],
  [{ response: { raiMediaFilteredCount: '2' }, d: 1 }, true],
  [{ raiMediaFilteredCount: 0 }, false],
  [{ raiMediaFilteredCount: 'none' }, false],
  [{ raiMediaFilteredReasons: ['It violates our policies'] }, true],
  [{ generations: [{ reason_str: 'It violates our policies' }] }, true],
  [{ generations: [{ markdown_reason_str: 'It violates our policies' }] }, true],
  [{ generations: [{ reason_str: 'Too long' }] }, false],
  [{ drafts: [{ kind: 'sora_content_violation' }] }, true],
  [{ drafts: [{ type: 'content_filter' }] }, true],
  [{ drafts: [{ finish_reason: 'SAFETY' }] }, true],
  [{ drafts: [{ status: 'nsfw' }] }, true],
  [{ drafts: [{ code: 'moderation_blocked' }] }, true],
  [{ drafts: [{ name: 'content_filter', kind: 7 }] }, false],
])('%j is filtered: %s', (body, expected) => {
  expect(isFiltered(layersOf(body))).toBe(expected)
})
