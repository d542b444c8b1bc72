import { cutReply, gzipBomb, neverReply, reply, replyRaw, resetConnection, slowReply } from 'sora-pipeline/testing'
import type { Fault, FaultStage, Place } from './fault.ts'

type Expected = Partial<Readonly<Record<FaultStage, string>>>

const BOMB = gzipBomb(5_000_000)

const half = ({ body }: Place) => Math.floor(body.byteLength / 2)

// No answer, or none that can be read: a submission may have been accepted, anything else is retried.
const lostAnswer: Expected = {
  create: 'review',
  'create-retry': 'review',
  'create-key': 'sent again',
  poll: 'missed',
  'poll-always': 'in time',
  target: 'retried',
  'target-always': 'mirror url',
  publish: 'continues',
}
// The video could not be opened.
const unopened: Expected = {
  download: 'whole',
  'download-always': 'no copy',
  probe: 'next mirror',
  'probe-always': 'own url',
  source: 'whole',
  'source-always': 'replaced',
}
// What came is not a video: that is not transient.
const unusable: Expected = { ...unopened, download: 'retried', source: 'replaced' }
// The first bytes prove that it is a video, whatever the label is.
const opened: Expected = {
  download: 'whole',
  'download-always': 'whole',
  probe: 'proven',
  'probe-always': 'proven',
  source: 'whole',
  'source-always': 'whole',
}
// The video broke on the way, on a server that honours ranges: every connection brings it further.
const broken: Expected = {
  download: 'resumed',
  'download-always': 'resumed',
  source: 'resumed',
  'source-always': 'resumed',
}
// The pipeline's own reading of a URL waits 10 s for its headers: here the deadline of the stage is shorter.
const outlasted: Expected = { source: 'mirror url', 'source-always': 'mirror url' }
// The request never left: nothing was paid, so the next strategy may be called.
const neverSent: Expected = {
  create: 'next: network',
  'create-key': 'next: network',
  poll: 'missed',
  'poll-always': 'in time',
  'download-always': 'no copy',
  probe: 'next mirror',
  'probe-always': 'own url',
  target: 'retried',
  'target-always': 'mirror url',
  publish: 'continues',
}
// Trust does not come back by asking again.
const untrusted: Expected = {
  ...neverSent,
  'create-retry': 'next: network',
  'poll-always': 'in time',
  download: 'polled again',
}

/** Faults below the answer: connections, lengths, encodings. */
export const TRANSPORT_FAULTS: readonly Fault[] = [
  {
    row: 1,
    name: 'connection refused',
    does: 'refused',
    expected: { ...neverSent, 'create-retry': 'retried', download: 'whole' },
  },
  {
    // A machine that is off line for a moment cannot resolve names either, so the call is retried; that costs nothing.
    row: 2,
    name: 'name that does not exist',
    does: 'no-such-name',
    expected: { ...neverSent, 'create-retry': 'retried', download: 'whole' },
  },
  { row: 3, name: 'untrusted certificate', does: 'self-signed', expected: untrusted },
  { row: 3, name: 'certificate out of date', does: 'expired', expected: untrusted },
  { row: 3, name: 'certificate of another host', does: 'wrong-host', expected: untrusted },
  { row: 3, name: 'plain HTTP on a TLS port', does: 'no-tls', expected: untrusted },
  {
    row: 5,
    name: 'reset before any byte',
    does: () => resetConnection(),
    expected: { ...lostAnswer, ...unopened },
  },
  {
    row: 5,
    name: 'closed before any byte',
    does: () => replyRaw(''),
    expected: { ...lostAnswer, ...unopened },
  },
  {
    row: 6,
    name: 'reset in the head',
    does: ({ healthy }) => cutReply(healthy, { part: 'head', afterBytes: 20 }),
    expected: { ...lostAnswer, ...unopened },
  },
  {
    row: 6,
    name: 'reset in the body',
    does: (place) => cutReply(place.healthy, { afterBytes: half(place) }),
    expected: { ...lostAnswer, ...broken },
  },
  {
    row: 7,
    name: 'body ends before its length',
    does: (place) => cutReply(place.healthy, { afterBytes: half(place), ending: 'close' }),
    expected: { ...lostAnswer, ...broken },
  },
  {
    row: 7,
    name: 'length too large by 100 bytes',
    does: ({ body, mediaType }) =>
      reply({ headers: { 'content-type': mediaType, 'content-length': String(body.byteLength + 100) }, body }),
    expected: { ...lostAnswer, 'download-always': 'no copy', 'source-always': 'replaced' },
  },
  {
    row: 7,
    name: 'length too small by half',
    does: (place) => {
      const { body, mediaType } = place
      return reply({ headers: { 'content-type': mediaType, 'content-length': String(half(place)) }, body })
    },
    expected: lostAnswer,
  },
  {
    row: 8,
    name: 'chunks cut after complete JSON',
    does: ({ body, mediaType }) =>
      cutReply(reply({ headers: { 'content-type': mediaType, 'transfer-encoding': 'chunked' }, body }), {
        part: 'trailer',
      }),
    expected: { ...lostAnswer, download: 'resumed' },
  },
  {
    row: 9,
    name: 'headers never come',
    does: () => neverReply(),
    expected: { ...lostAnswer, ...unopened, ...outlasted },
  },
  {
    row: 10,
    name: 'headers a byte at a time',
    does: ({ healthy }) => slowReply(healthy, { part: 'head', everyMs: 500 }),
    expected: { ...lostAnswer, ...unopened, ...outlasted },
  },
  {
    row: 11,
    name: 'body never comes',
    does: ({ healthy }) => cutReply(healthy, { ending: 'silence' }),
    expected: { ...lostAnswer, download: 'retried', 'download-always': 'no copy', 'source-always': 'mirror url' },
  },
  {
    row: 12,
    name: 'truncated JSON, clean end',
    does: (place) => {
      const body = place.body.subarray(0, half(place))
      return reply({ headers: { 'content-type': place.mediaType }, body })
    },
    expected: lostAnswer,
  },
  {
    row: 13,
    name: 'page with 200',
    does: () => page(),
    expected: { ...lostAnswer, ...unusable },
  },
  {
    row: 13,
    name: 'page with the requested media type',
    does: ({ mediaType }) => page({ 'content-type': mediaType }),
    expected: { ...lostAnswer, ...unusable },
  },
  {
    row: 14,
    name: '204',
    does: () => reply({ status: 204 }),
    // The video is waited for.
    expected: { ...lostAnswer, ...unusable, download: 'whole', source: 'whole' },
  },
  {
    row: 14,
    name: 'empty 200',
    does: ({ mediaType }) => reply({ headers: { 'content-type': mediaType } }),
    expected: { ...lostAnswer, ...unusable },
  },
  {
    row: 15,
    name: 'JSON with a byte order mark',
    does: ({ body, mediaType }) =>
      reply({ headers: { 'content-type': mediaType }, body: Buffer.concat([Buffer.from('\ufeff'), body]) }),
    expected: {
      create: 'accepted',
      'create-key': 'accepted',
      poll: 'read',
      'poll-always': 'read',
      target: 'stored',
      publish: 'published',
    },
  },
  {
    row: 16,
    name: 'latin1 in the label and in the bytes',
    does: ({ body }) => {
      const headers = { 'content-type': 'application/json; charset=latin1' }
      return reply({ headers, body: Buffer.from(Buffer.from(body).toString('utf8'), 'latin1') })
    },
    expected: {
      create: 'accepted',
      'create-key': 'accepted',
      poll: 'read',
      'poll-always': 'read',
      target: 'stored',
      publish: 'published',
    },
  },
  {
    row: 17,
    name: 'wrong content type: text/plain',
    does: ({ body }) => reply({ headers: { 'content-type': 'text/plain' }, body }),
    expected: {
      create: 'accepted',
      'create-key': 'accepted',
      poll: 'read',
      'poll-always': 'read',
      download: 'whole',
      'download-always': 'whole',
      probe: 'proven',
      'probe-always': 'proven',
      source: 'whole',
      target: 'stored',
      publish: 'published',
    },
  },
  {
    row: 17,
    name: 'wrong content type: octet-stream',
    does: ({ body }) => reply({ headers: { 'content-type': 'application/octet-stream' }, body }),
    expected: {
      create: 'accepted',
      poll: 'read',
      download: 'whole',
      'download-always': 'whole',
      probe: 'proven',
      'probe-always': 'proven',
      source: 'whole',
      'source-always': 'whole',
    },
  },
  {
    row: 17,
    name: 'no content type',
    does: ({ body }) => reply({ body }),
    expected: {
      create: 'accepted',
      poll: 'read',
      download: 'whole',
      'download-always': 'whole',
      probe: 'proven',
      'probe-always': 'proven',
      source: 'whole',
      'source-always': 'whole',
    },
  },
  {
    row: 18,
    name: 'gzip in the label, not in the bytes',
    does: ({ body, mediaType }) => reply({ headers: { 'content-type': mediaType, 'content-encoding': 'gzip' }, body }),
    expected: { ...lostAnswer, ...opened },
  },
  {
    row: 19,
    name: 'gzip bomb',
    does: ({ mediaType }) => reply({ headers: { 'content-type': mediaType, 'content-encoding': 'gzip' }, body: BOMB }),
    expected: {
      create: 'review',
      'create-key': 'sent again',
      poll: 'missed',
      'poll-always': 'in time',
      probe: 'next mirror',
      'probe-always': 'own url',
      source: 'replaced',
      'source-always': 'replaced',
    },
  },
  {
    row: 20,
    name: 'two lengths',
    does: ({ body, mediaType }) => {
      const { byteLength } = body
      return reply({
        headers: { 'content-type': mediaType, 'content-length': [`${byteLength}`, `${byteLength - 1}`] },
        body,
      })
    },
    expected: { ...lostAnswer, ...unopened },
  },
  {
    row: 21,
    name: 'header of 40 kB',
    does: ({ body, mediaType }) =>
      reply({ headers: { 'content-type': mediaType, 'x-long': 'a'.repeat(40_000) }, body }),
    expected: { ...lostAnswer, ...unopened },
  },
  {
    row: 22,
    name: 'something else than HTTP',
    does: () => replyRaw('SSH-2.0-OpenSSH_9.9\r\n'),
    expected: { ...lostAnswer, ...unopened },
  },
]

function page(headers = { 'content-type': 'text/html; charset=utf-8' }) {
  return reply({ headers, body: '<!doctype html><html><title>The space is sleeping</title></html>' })
}
