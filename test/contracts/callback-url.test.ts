import { expect, it } from 'vitest'
import { callbackUrlFlaw } from '../../src/contracts/callback-url.js'

it.each([
  'https://video.example/v1/wake/t',
  'https://video.example:8443/hook?run=1',
  'https://10.0.0.7/hook',
  'http://localhost:8080/hook',
  'http://backend.localhost/hook',
  'http://127.0.0.1:8080/hook',
  'http://127.3.2.1/hook',
  'http://[::1]:8080/hook',
  `https://video.example/${'a'.repeat(2_026)}`,
])('an upstream can call %s', (url) => {
  expect(callbackUrlFlaw(url)).toBeUndefined()
})

it.each([
  [undefined, 'give an absolute https address'],
  [new URL('https://video.example'), 'give an absolute https address'],
  ['/v1/wake/t', 'give an absolute https address'],
  ['', 'give an absolute https address'],
  ['http://video.example/hook', 'http only reaches this machine'],
  ['http://127.0.0.1.example/hook', 'http only reaches this machine'],
  ['http://localhost.example/hook', 'http only reaches this machine'],
  ['http://10.0.0.7/hook', 'http only reaches this machine'],
  ['ftp://127.0.0.1/hook', 'http only reaches this machine'],
  ['javascript:alert(1)', 'http only reaches this machine'],
  ['https://user:secret@video.example/hook', 'leave user name and password out'],
  ['https://video.example/hook#t', 'leave the fragment out'],
  [`https://video.example/${'a'.repeat(2_027)}`, 'give at most 2048 characters'],
])('an upstream cannot call %s', (url, fix) => {
  const flaw = callbackUrlFlaw(url)
  expect(flaw).toContain(fix)
  expect(flaw).not.toContain('secret')
})
