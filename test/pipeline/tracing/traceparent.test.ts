import { expect, it } from 'vitest'
import { traceparentOfHeader } from '../../../src/pipeline/tracing/traceparent.js'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'

it.each([
  ['of version 00', `00-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-01`],
  ['with flags that are unknown today', `00-${TRACE}-${SPAN}-ff`, `00-${TRACE}-${SPAN}-ff`],
  ['with blanks around it', ` 00-${TRACE}-${SPAN}-00 `, `00-${TRACE}-${SPAN}-00`],
  ['of a later version', `01-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-01`],
  ['of a later version with more fields', `cc-${TRACE}-${SPAN}-02-what-the-future-will-be`, `00-${TRACE}-${SPAN}-00`],
])('a header %s is read', (_, header, expected) => {
  expect(traceparentOfHeader(header)).toBe(expected)
})

it.each([
  ['is missing', null],
  ['is empty', ''],
  ['has no ids', '00-01'],
  ['is in upper case', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ['has a trace id of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ['has a span id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['has a later version and ids of zeros', `01-${'0'.repeat(32)}-${SPAN}-01`],
  ['is of version ff', `ff-${TRACE}-${SPAN}-01`],
  ['has more fields than version 00', `00-${TRACE}-${SPAN}-01-more`],
  ['is of a later version with text behind the flags', `01-${TRACE}-${SPAN}-01.more`],
  ['is too short', `00-${TRACE.slice(1)}-${SPAN}-01`],
  ['was sent twice', `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
  ['has a line break', `00-${TRACE}-${SPAN}-01\n-x`],
])('a header that %s is ignored', (_, header) => {
  expect(traceparentOfHeader(header)).toBeUndefined()
})
