import fc from 'fast-check'
import { expect, test } from 'vitest'
import { plainNames } from '../../src/upstream/plain-names.js'

test.each([
  ['task_id', 'task_id'],
  ['taskId', 'task_id'],
  ['TaskId', 'task_id'],
  ['task-id', 'task_id'],
  ['TASK_ID', 'task_id'],
  ['taskID', 'task_id'],
  ['videoURL', 'video_url'],
  ['videoURLs', 'video_ur_ls'],
  ['URLOfVideo', 'url_of_video'],
  ['HTTPStatusCode', 'http_status_code'],
  ['base64Json', 'base64_json'],
  ['b64_json', 'b64_json'],
  ['a-b-c', 'a_b_c'],
  ['任务', '任务'],
  ['', ''],
])('%s is %s', (name, plain) => {
  expect(plainNames({ [name]: 1 })).toEqual({ [plain]: 1 })
})

test('reaches every object, of lists too, and leaves values unchanged', () => {
  expect(plainNames({ DataList: [{ TaskId: 'KeepMe' }, [{ aB: null }], 'AsIs'] })).toEqual({
    data_list: [{ task_id: 'KeepMe' }, [{ a_b: null }], 'AsIs'],
  })
  for (const value of ['aB', 1, null, undefined, true]) expect(plainNames(value)).toBe(value)
})

test('leaves opaque values unchanged', () => {
  expect(
    plainNames({ Usage: { totalTokens: 1 }, metadata: { userId: 2 }, Inner: { metaData: { userId: 3 } } }),
  ).toEqual({
    usage: { totalTokens: 1 },
    metadata: { userId: 2 },
    inner: { meta_data: { user_id: 3 } },
  })
})

test('of two fields with one name the first counts', () => {
  expect(plainNames({ taskId: 1, task_id: 2 })).toEqual({ task_id: 1 })
  expect(plainNames({ task_id: undefined, taskId: 2 })).toEqual({ task_id: undefined })
})

test('reads twelve levels, and leaves what lies below', () => {
  const nested = (depth: number, name: string): unknown => (depth === 0 ? {} : { [name]: nested(depth - 1, name) })
  expect(JSON.stringify(plainNames(nested(13, 'aB')))).not.toContain('aB')
  expect(JSON.stringify(plainNames(nested(14, 'aB')))).toBe(`${'{"a_b":'.repeat(13)}{"aB":{}}${'}'.repeat(13)}`)
  const listed = (depth: number): unknown => (depth === 0 ? { aB: 1 } : [listed(depth - 1)])
  expect(plainNames(listed(12))).not.toEqual(listed(12))
  expect(plainNames(listed(13))).toEqual(listed(13))
})

test('plain names stay unchanged', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const plain = plainNames(JSON.parse(JSON.stringify(value)))
      expect(plainNames(plain)).toEqual(plain)
    }),
  )
})
