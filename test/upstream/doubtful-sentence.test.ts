import { describe, expect, test } from 'vitest'
import { losesAnswer, reportsFault } from '../../src/upstream/doubtful-sentence.js'

describe('the words of an error', () => {
  test.each([
    'upstream connect error or disconnect/reset before headers. reset reason: connection termination',
    'upstream connect error or disconnect/reset before headers. reset reason: protocol error',
    'upstream request timeout',
    'context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
    'The request timed out while waiting for the worker. It may still be processed.',
    '等待上游响应超时，任务可能已提交',
    'ETIMEDOUT',
    'An invalid response was received from the upstream server',
    'bad response status code 504',
    'request to upstream timed out after 60s',
    '请求上游超时',
    'read tcp 10.0.0.1:443: connection reset by peer',
    'Post "https://api.example/v1": EOF',
    'socket hang up',
    "failed to parse upstream response: invalid character '<' looking for beginning of value",
    'task_id is empty',
    'Task was submitted upstream but could not be saved to the database',
    'タイムアウト',
  ])('%s: the answer was lost', (text) => {
    expect(losesAnswer([text])).toBe(true)
  })

  test.each([
    'upstream connect error or disconnect/reset before headers. reset reason: connection failure',
    'upstream connect error or disconnect/reset before headers. reset reason: overflow',
    'no healthy upstream',
    'connect ECONNREFUSED 127.0.0.1:8000: connection closed',
    'dial tcp: lookup api.example: getaddrinfo ENOTFOUND, connection lost',
    'bad response status code 400',
    'timeout must be between 1 and 600',
    'The prompt is too long',
    'Invalid value for seconds',
    'Service temporarily unavailable',
    'You may not use this model',
  ])('%s: nothing is lost', (text) => {
    expect(losesAnswer([text])).toBe(false)
  })

  test.each([
    ['Internal server error', []],
    ['internal service error', []],
    ['', ['INTERNAL_SERVER_ERROR']],
    ['', ['BAD_GATEWAY']],
    ['x', ['DEADLINE_EXCEEDED']],
    ['系统异常', []],
    ['系统内部错误', []],
  ])('%j with the words %j: a fault inside the service', (sentence, words) => {
    expect(reportsFault(sentence, words)).toBe(true)
  })

  test.each([
    ['The model is internal', []],
    ['Invalid parameter', ['invalid_request_error']],
    ['Quota exceeded', ['insufficient_quota']],
  ])('%j with the words %j: none', (sentence, words) => {
    expect(reportsFault(sentence, words)).toBe(false)
  })
})
