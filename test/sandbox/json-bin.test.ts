import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Sandbox } from '../../src/sandbox/sandbox.js'
import { startSandbox } from '../../src/sandbox/start-sandbox.js'
import { callJson } from './call-json.js'

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await startSandbox()
})
afterAll(() => sandbox.close())

const call = (path = '', init: Parameters<typeof callJson>[1] = {}, id = sandbox.jsonBin.binId) => {
  const { baseUrl, masterKey } = sandbox.jsonBin
  return callJson(`${baseUrl}/b/${id}${path}`, { ...init, headers: { 'x-master-key': masterKey, ...init.headers } })
}

it('reads with and without metadata, and writes', async () => {
  const { binId, accessKey, baseUrl } = sandbox.jsonBin
  expect(baseUrl).toMatch(/\/v3$/)
  sandbox.jsonBin.setRecord({ a: 1 })
  const whole = { record: { a: 1 }, metadata: { id: binId, private: true, createdAt: expect.any(String) } }
  expect((await call()).json).toEqual(whole)
  expect((await call('/latest')).json).toEqual(whole)
  expect((await call('?meta=false')).json).toEqual({ a: 1 })
  expect((await call('/latest', { headers: { 'x-bin-meta': 'false' } })).json).toEqual({ a: 1 })
  const written = await call('', { method: 'PUT', body: [1] })
  expect([written.status, written.json]).toEqual([200, { record: [1], metadata: { parentId: binId, private: true } }])
  expect(sandbox.jsonBin.record).toEqual([1])
  const other = await callJson(`${baseUrl}/b/${binId}?meta=false`, { headers: { 'x-access-key': accessKey } })
  expect(other.json).toEqual([1])
})

it.each([
  ['an empty object', {}, 400, 'Bin cannot be blank'],
  ['an empty list', [], 400, 'Bin cannot be blank'],
  ['nothing', '', 400, 'Bin cannot be blank'],
  ['a text', '"a"', 400, 'Invalid JSON. Please try again'],
  ['what is not JSON', '{', 400, 'Invalid JSON. Please try again'],
])('does not write %s', async (_, body, status, message) => {
  const before = sandbox.jsonBin.record
  const answer = await call('', { method: 'PUT', body, headers: { 'content-type': 'application/json' } })
  expect([answer.status, answer.json]).toEqual([status, { message }])
  expect(sandbox.jsonBin.record).toEqual(before)
})

it('does not write JSON of another type', async () => {
  const answer = await call('', { method: 'PUT', body: '{"a":1}', headers: { 'content-type': 'text/plain' } })
  expect(answer.json).toEqual({ message: 'Invalid JSON. Please try again' })
})

it('refuses wrong ids and wrong keys', async () => {
  const { baseUrl, binId } = sandbox.jsonBin
  const ask = async (headers: Record<string, string>) => {
    const { status, json } = await callJson(`${baseUrl}/b/${binId}`, { headers })
    return [status, (json as { message: string }).message]
  }
  expect(await ask({})).toEqual([401, expect.stringMatching(/X-Master-Key/)])
  const foreign = "is invalid or the bin doesn't belong to your account"
  expect(await ask({ 'x-master-key': 'x' })).toEqual([401, `X-Master-Key ${foreign}`])
  expect(await ask({ 'x-access-key': 'x' })).toEqual([401, `X-Access-Key ${foreign}`])
  expect((await call('', {}, 'short')).json).toEqual({ message: 'Invalid Bin Id provided' })
  const unknown = await call('', {}, '0'.repeat(24))
  expect([unknown.status, unknown.json]).toEqual([
    404,
    { message: "Bin not found or it doesn't belong to your account" },
  ])
  expect((await call('/latest', { method: 'PUT', body: [1] })).status).toBe(404)
  expect((await call('/versions/count')).status).toBe(404)
  sandbox.setFaults({ 'jsonbin.update': [{ kind: 'status', status: 403 }] })
  expect((await call('', { method: 'PUT', body: [1] })).json).toEqual({
    message: 'The sandbox answers with status 403',
  })
})
