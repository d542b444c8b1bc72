import { type FaultHandler, reply, replyJson } from 'sora-pipeline/testing'
import type { Fault, FaultStage } from './fault.ts'

type Expected = Partial<Readonly<Record<FaultStage, string>>>

const DAY_SECONDS = '86400'

// A verdict that is not transient: once it is a hiccup of a gateway, three times in a row it is meant.
const lasting = (code: string): Expected => ({
  create: `next: ${code}`,
  'create-retry': `next: ${code}`,
  'create-key': `next: ${code}`,
  poll: 'missed',
  'poll-always': `ends: ${code}`,
  download: 'polled again',
  'download-always': 'no copy',
  probe: 'next mirror',
  'probe-always': 'own url',
  source: 'replaced',
  'source-always': 'replaced',
  'target-always': 'mirror url',
  publish: 'continues',
})
// Nothing was accepted, and later it may be.
const passing = (code: string): Expected => ({
  ...lasting(code),
  'create-retry': 'retried',
  'poll-always': 'in time',
  // The source retries automatically, for about a minute.
  download: 'whole',
  source: 'whole',
})
// A key can be replaced until the deadline of a job that is paid.
const refused: Expected = { ...lasting('authentication'), 'poll-always': 'in time' }
// The answer does not reveal whether the submission was accepted.
const ambiguous: Expected = {
  ...passing(''),
  create: 'review',
  'create-retry': 'review',
  'create-key': 'sent again',
}
// A redirect is followed where a video is read, and never where a key is sent along. A permanent one to each poll ends the wait.
const followed: Expected = {
  create: 'review',
  'create-key': 'sent again',
  poll: 'missed',
  'poll-always': 'in time',
  download: 'whole',
  'download-always': 'whole',
  probe: 'proven',
  'probe-always': 'proven',
  source: 'whole',
  'source-always': 'whole',
  'target-always': 'mirror url',
  publish: 'continues',
}
const moved: Expected = { ...followed, 'poll-always': 'ends: upstream-http' }
const misled: Expected = {
  ...followed,
  download: 'polled again',
  'download-always': 'no copy',
  probe: 'next mirror',
  'probe-always': 'own url',
  source: 'replaced',
  'source-always': 'replaced',
}
const unclear: Expected = {
  create: 'review',
  'create-key': 'sent again',
  download: 'retried',
  'download-always': 'no copy',
  probe: 'next mirror',
  source: 'replaced',
}

const told: Expected = { create: 'next: upstream-http', 'create-key': 'next: upstream-http' }

/** Faults of the status, and errors under a status of success. */
export const STATUS_FAULTS: readonly Fault[] = [
  { row: 23, name: 'redirect loop', does: () => redirect(302, '/loop'), expected: misled },
  { row: 23, name: 'redirect without an address', does: () => reply({ status: 302 }), expected: misled },
  ...[301, 302, 303].map((status) => ({
    row: 24,
    name: `${status} to another origin`,
    does: ({ elsewhere }: { readonly elsewhere: string }) => redirect(status, elsewhere),
    expected: status === 301 ? moved : followed,
  })),
  ...[307, 308].map((status) => ({
    row: 25,
    name: `${status} to another origin`,
    does: ({ elsewhere }: { readonly elsewhere: string }) => redirect(status, elsewhere),
    expected: status === 308 ? moved : followed,
  })),
  { row: 26, name: 'redirect to a private address', does: ({ secret }) => redirect(302, secret), expected: misled },
  { row: 26, name: 'redirect to a file', does: () => redirect(302, 'file:///etc/hostname'), expected: misled },
  { row: 27, name: '401', does: () => refuse(401), expected: refused },
  { row: 27, name: '403', does: () => refuse(403), expected: refused },
  {
    row: 27,
    name: '403, unsupported region',
    does: () => refuse(403, {}, 'unsupported_country_region_territory'),
    expected: {
      create: 'next: region-unsupported',
      'poll-always': 'ends: region-unsupported',
      'download-always': 'no copy',
    },
  },
  {
    row: 28,
    name: '402',
    does: () => refuse(402),
    expected: { ...lasting('quota-exceeded'), 'poll-always': 'in time' },
  },
  {
    row: 28,
    name: '429, out of quota',
    does: () => refuse(429, {}, 'insufficient_quota'),
    expected: {
      create: 'next: quota-exceeded',
      'create-retry': 'next: quota-exceeded',
      poll: 'missed',
      'poll-always': 'in time',
      'download-always': 'no copy',
    },
  },
  {
    row: 29,
    name: '429, Retry-After in seconds',
    does: () => refuse(429, { 'retry-after': '5' }),
    expected: passing('rate-limited'),
  },
  {
    row: 29,
    name: '429, Retry-After as a date',
    does: () => {
      const [date, after] = [0, 5000].map((ms) => new Date(1_700_000_000_000 + ms).toUTCString())
      return refuse(429, { date: date ?? '', 'retry-after': after ?? '' })
    },
    expected: passing('rate-limited'),
  },
  { row: 30, name: '429 without Retry-After', does: () => refuse(429), expected: passing('rate-limited') },
  {
    row: 30,
    name: '429, negative Retry-After',
    does: () => refuse(429, { 'retry-after': '-5' }),
    expected: passing('rate-limited'),
  },
  {
    row: 31,
    name: '429, Retry-After of a day',
    does: () => refuse(429, { 'retry-after': DAY_SECONDS }),
    generateMs: 20_000,
    // The last poll has 5 s by the clock of the run, which is a second: enough for a busy machine.
    speed: 5,
    expected: {
      ...passing('rate-limited'),
      'create-retry': 'next: rate-limited',
      source: 'replaced',
      download: 'no copy',
    },
  },
  ...[500, 502, 504].map((status) => ({
    row: 32,
    name: String(status),
    does: () => refuse(status),
    expected: ambiguous,
  })),
  ...[503, 529].map((status) => ({
    row: 33,
    name: String(status),
    does: () => refuse(status),
    expected: passing('overloaded'),
  })),
  {
    row: 33,
    name: '503, Retry-After',
    does: () => refuse(503, { 'retry-after': '5' }),
    expected: { create: 'next: overloaded', 'create-retry': 'retried', poll: 'missed', download: 'whole' },
  },
  { row: 33, name: '520 of a proxy', does: () => sorry(520), expected: ambiguous },
  { row: 33, name: '503, a page of a proxy', does: () => sorry(503), expected: passing('overloaded') },
  { row: 34, name: '408', does: () => refuse(408), expected: ambiguous },
  {
    row: 34,
    name: '409',
    does: () => refuse(409),
    // For a video it means that the file cannot be read yet: it is waited for.
    expected: { ...ambiguous, 'poll-always': 'in time', download: 'whole', source: 'whole' },
  },
  {
    row: 34,
    name: '425',
    does: () => refuse(425),
    expected: { ...passing('upstream-http'), download: 'whole', source: 'whole' },
  },
  {
    row: 34,
    name: '400',
    does: () => refuse(400),
    expected: { ...lasting('upstream-http'), download: 'whole', source: 'whole' },
  },
  {
    row: 34,
    name: '404',
    does: () => refuse(404),
    // A job that was just accepted may not be listed yet: the grace lasts longer than this deadline.
    expected: { ...lasting('upstream-http'), 'poll-always': 'in time', download: 'whole', source: 'whole' },
  },
  ...[405, 413, 422].map((status) => ({
    row: 34,
    name: String(status),
    does: () => refuse(status),
    expected: lasting('upstream-http'),
  })),
  {
    row: 34,
    name: '415',
    does: () => refuse(415),
    // Only the encoding was refused, so the other one is tried.
    expected: { 'create-retry': 'sent again', poll: 'missed', 'poll-always': 'ends: upstream-http' },
  },
  {
    row: 34,
    name: '400 of a moderation',
    does: () => refuse(400, {}, 'content_policy_violation'),
    expected: {
      create: 'ends: content-rejected',
      'create-retry': 'ends: content-rejected',
      poll: 'missed',
      'poll-always': 'ends: content-rejected',
    },
  },
  {
    row: 35,
    name: '200 with { error }',
    does: () => echo(200, { error: { message: 'No worker is free', type: 'server_error' } }),
    // A submission that it answers was not accepted; for a poll it is not a verdict on the job.
    expected: { ...unclear, ...told, poll: 'missed', 'poll-always': 'in time' },
  },
  {
    row: 35,
    name: '200 with { success: false }',
    does: () => echo(200, { success: false, msg: 'No worker is free' }),
    expected: { ...unclear, ...told, poll: 'missed', 'poll-always': 'in time' },
  },
  {
    row: 35,
    name: '200 with { code: 1001 }',
    does: () => echo(200, { code: 1001, data: null }),
    expected: { ...unclear, ...told, poll: 'missed', 'poll-always': 'in time' },
  },
  {
    row: 35,
    name: '200 with null',
    does: () => replyJson(null),
    expected: { ...unclear, poll: 'missed', 'poll-always': 'in time' },
  },
  {
    row: 35,
    name: '200 with a list',
    does: () => replyJson([]),
    expected: { ...unclear, poll: 'missed', 'poll-always': 'in time' },
  },
]

function redirect(status: number, location: string): FaultHandler {
  return reply({ status, headers: { location } })
}

/** An error in OpenAI's shape that repeats the key of the request, as careless upstreams do. */
function refuse(status: number, headers: Readonly<Record<string, string>> = {}, code = 'told'): FaultHandler {
  return echo(status, { error: { message: 'Told to refuse', code } }, headers)
}

function echo(status: number, body: object, headers: Readonly<Record<string, string>> = {}): FaultHandler {
  return (connection) => {
    const { authorization = '' } = connection.request.headers
    return replyJson(
      { ...body, seen: authorization, detail: `Seen: ${authorization}` },
      { status, headers },
    )(connection)
  }
}

function sorry(status: number): FaultHandler {
  return (connection) => {
    const { authorization = '' } = connection.request.headers
    const headers = { 'content-type': 'text/html' }
    return reply({ status, headers, body: `<html><h1>Sorry</h1><p>Ray 1, ${authorization}</p></html>` })(connection)
  }
}
