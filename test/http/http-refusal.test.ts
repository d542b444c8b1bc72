import { expect, test } from 'vitest'
import { HttpRefusal } from '../../src/http/http-refusal.js'

test('carries the body of an OpenAI error, and the headers of the answer', () => {
  const fields = { status: 405, code: 'method_not_allowed', message: 'Could not take the method: PUT' }
  const refusal = new HttpRefusal({ ...fields, param: 'method', headers: { allow: 'GET, POST' } })
  expect(refusal).toMatchObject({ ...fields, param: 'method', headers: { allow: 'GET, POST' } })
  expect(refusal.body).toEqual({
    error: {
      message: 'Could not take the method: PUT',
      type: 'invalid_request_error',
      param: 'method',
      code: 'method_not_allowed',
    },
  })
})

test('has no param and no headers unless they are given, and is a server error from 500 on', () => {
  const refusal = new HttpRefusal({ status: 500, code: 'body_already_read', message: 'Could not read the body' })
  expect(refusal.headers).toEqual({})
  expect(refusal.body.error).toMatchObject({ type: 'server_error', param: null })
})
