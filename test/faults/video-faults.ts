import { cutReply, type FaultHandler, reply, replyFile, replyJson } from 'sora-pipeline/testing'
import type { Fault } from './fault.ts'
import { VIDEO } from './world.ts'

const EXPIRED = '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>'

const other = Buffer.concat([VIDEO.subarray(0, 12), Buffer.alloc(4000, 'other')])

/** Faults of servers of videos. */
export const VIDEO_FAULTS: readonly Fault[] = [
  {
    row: 43,
    name: 'expired address: 403 with XML',
    does: () => reply({ status: 403, headers: { 'content-type': 'application/xml' }, body: EXPIRED }),
    expected: {
      download: 'polled again',
      probe: 'next mirror',
      'probe-always': 'own url',
      source: 'replaced',
      'source-always': 'replaced',
    },
  },
  {
    row: 43,
    name: 'expired address: 410',
    does: () => reply({ status: 410 }),
    expected: {
      download: 'polled again',
      probe: 'next mirror',
      'probe-always': 'own url',
      source: 'replaced',
      'source-always': 'replaced',
    },
  },
  {
    row: 43,
    name: 'expired address: 200 with XML',
    does: () => reply({ headers: { 'content-type': 'application/xml' }, body: EXPIRED }),
    expected: {
      download: 'retried',
      'download-always': 'no copy',
      probe: 'next mirror',
      source: 'replaced',
      'source-always': 'replaced',
    },
  },
  ...[400, 403, 405, 500, 501].map((status) => ({
    row: 44,
    name: `HEAD answered ${status}`,
    does: () => onHead(reply({ status })),
    expected: { probe: 'proven', 'probe-always': 'proven' },
  })),
  {
    row: 44,
    name: 'HEAD without a length',
    does: () => onHead(reply({ headers: { 'content-type': 'video/mp4', 'content-length': [] } })),
    expected: { probe: 'proven', 'probe-always': 'proven' },
  },
  {
    row: 44,
    name: 'HEAD that is a page, GET a video',
    does: () => onHead(reply({ headers: { 'content-type': 'text/html' } })),
    expected: { probe: 'proven', 'probe-always': 'proven' },
  },
  {
    row: 44,
    name: 'HEAD and GET both refused',
    does: () => reply({ status: 405 }),
    expected: { probe: 'next mirror', 'probe-always': 'own url' },
  },
  {
    row: 45,
    name: 'ranges ignored',
    does: () => replyFile(VIDEO, { ranges: 'ignored' }),
    expected: { download: 'whole', 'download-always': 'whole', probe: 'proven', source: 'whole' },
  },
  {
    row: 45,
    name: 'ranges ignored, HEAD refused',
    does: () => onHead(reply({ status: 405 }), replyFile(VIDEO, { ranges: 'ignored' })),
    expected: { probe: 'proven', 'probe-always': 'proven' },
  },
  {
    row: 45,
    name: 'ranges ignored after a cut',
    does: () => inTurn([cutReply(replyFile(VIDEO), { afterBytes: 1500 }), replyFile(VIDEO, { ranges: 'ignored' })]),
    expected: { 'download-always': 'resumed', 'source-always': 'resumed' },
  },
  {
    row: 46,
    name: '206 from another byte after a cut',
    does: () =>
      inTurn([
        cutReply(replyFile(VIDEO), { afterBytes: 1500 }),
        replyFile(VIDEO, { ranges: 'shifted' }),
        replyFile(VIDEO),
      ]),
    expected: { 'download-always': 'resumed', 'source-always': 'resumed' },
  },
  {
    row: 46,
    name: 'another file after a cut',
    does: () => {
      const changed = replyFile(other, { etag: '"2"' })
      return inTurn([cutReply(replyFile(VIDEO), { afterBytes: 1500 }), changed, replyFile(VIDEO)])
    },
    expected: { 'download-always': 'resumed', 'source-always': 'resumed' },
  },
  {
    row: 46,
    name: 'another file after a cut, by a server that minds no If-Range',
    does: () => {
      const changed = replyFile(other, { etag: '"1"', headers: { etag: '"2"' } })
      return inTurn([cutReply(replyFile(VIDEO), { afterBytes: 1500 }), changed, replyFile(VIDEO)])
    },
    expected: { 'download-always': 'resumed', 'source-always': 'resumed' },
  },
  {
    row: 47,
    name: 'video of 50 bytes',
    does: () => replyFile(VIDEO.subarray(0, 50)),
    expected: { probe: 'next mirror', 'probe-always': 'own url' },
  },
  {
    row: 47,
    name: 'bytes that are not a video, without a media type',
    does: () => reply({ body: Buffer.alloc(4000, 'no') }),
    expected: { download: 'retried', 'download-always': 'no copy', probe: 'next mirror', 'probe-always': 'own url' },
  },
  {
    row: 47,
    name: 'picture in place of the video',
    does: () =>
      reply({ headers: { 'content-type': 'image/png' }, body: Buffer.from('\x89PNG\r\n\x1a\n and more', 'latin1') }),
    expected: { download: 'retried', 'download-always': 'no copy', probe: 'next mirror', 'probe-always': 'own url' },
  },
  {
    row: 47,
    name: 'JSON in place of the video',
    does: () => replyJson({ detail: 'not ready' }),
    expected: {
      download: 'whole',
      'download-always': 'no copy',
      probe: 'next mirror',
      source: 'whole',
      'source-always': 'replaced',
    },
  },
  {
    row: 47,
    name: 'JSON that names the address of the video',
    does: ({ elsewhere }) => replyJson({ url: elsewhere }),
    expected: { download: 'whole', 'download-always': 'whole' },
  },
  {
    row: 48,
    name: 'silence at 99 %',
    does: () => cutReply(replyFile(VIDEO), { afterBytes: VIDEO.byteLength - 20, ending: 'silence' }),
    expected: { 'download-always': 'no copy', 'source-always': 'mirror url' },
  },
  {
    row: 48,
    name: 'reset at 99 %',
    does: () => cutReply(replyFile(VIDEO), { afterBytes: VIDEO.byteLength - 20 }),
    expected: { download: 'resumed', 'download-always': 'resumed', source: 'resumed', 'source-always': 'resumed' },
  },
  {
    row: 48,
    name: 'nothing more after the first cut',
    does: () => inTurn([cutReply(replyFile(VIDEO), { afterBytes: 1500 }), reply({ status: 503 })]),
    expected: { 'download-always': 'no copy', 'source-always': 'mirror url' },
  },
]

function onHead(head: FaultHandler, get: FaultHandler = replyFile(VIDEO)): FaultHandler {
  return (connection) => (connection.request.method === 'HEAD' ? head : get)(connection)
}

/** One after the other, whatever the method, the last one again and again. */
function inTurn(handlers: readonly FaultHandler[]): FaultHandler {
  let calls = 0
  return (connection) => {
    const handler = handlers[Math.min(calls, handlers.length - 1)]
    calls += 1
    return handler?.(connection)
  }
}
