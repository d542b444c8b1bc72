import { cutReply, type FaultHandler, reply, replyJson, replyRaw } from '../../src/testing/index.js'

/** A place in an answer where a server can repeat what it received, or reveal what it should not. */
export interface EchoPlace {
  readonly name: string
  says(text: string): FaultHandler
}

// What an answer in a header or a status line can hold.
const line = (text: string) => text.replace(/[^\x20-\x7e]+/g, ' ')
// The end of it, which is where the credential is.
const hostOf = (text: string) =>
  (
    text
      .replace(/[^a-z\d-]+/gi, '')
      .slice(-120)
      .match(/.{1,60}/g) ?? ['x']
  )
    .map((label) => `x${label}x`)
    .join('.')
const error = (text: string) => ({ error: { message: text, type: text, code: text, param: text } })
const event = (data: unknown, name?: string) =>
  `${name === undefined ? '' : `event: ${name}\n`}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`
const stream = (...events: string[]) =>
  reply({ headers: { 'content-type': 'text/event-stream' }, body: events.join('') })
const chunk = (delta: object) => ({ id: 'c', object: 'chat.completion.chunk', choices: [{ index: 0, delta }] })
const withStatus = (status: number): EchoPlace => ({
  name: `the message of an error ${status}`,
  says: (text) => replyJson(error(text), { status }),
})

export const ECHO_PLACES: readonly EchoPlace[] = [
  ...[400, 401, 404, 429, 500].map(withStatus),
  { name: 'a detail', says: (detail) => replyJson({ detail, status: detail, reason: detail }, { status: 400 }) },
  {
    name: 'a list of details',
    says: (msg) => replyJson({ detail: [{ loc: ['body', msg], msg, input: msg }] }, { status: 422 }),
  },
  {
    name: 'an answer that is quoted',
    says: (text) =>
      replyJson(
        { message: `API request failed: 401 - ${JSON.stringify(error(text))}`, success: false },
        { status: 500 },
      ),
  },
  {
    name: 'an error of Google',
    says: (message) =>
      replyJson(
        { error: { code: 403, message, errors: [{ reason: message, message }], status: message } },
        { status: 403 },
      ),
  },
  {
    name: 'a page',
    says: (text) => {
      const escaped = text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll("'", '&#39;')
      const body = `<!doctype html><title>502</title><p class="x">${escaped}</p>`
      return reply({ status: 502, headers: { 'content-type': 'text/html' }, body })
    },
  },
  { name: 'a page with tags', says: (text) => reply({ status: 500, body: `<html><b>Error</b> ${text}</html>` }) },
  { name: 'a page under 200', says: (text) => reply({ body: `<html><body>${text}</body></html>` }) },
  {
    name: 'a plain text',
    says: (text) => reply({ status: 403, headers: { 'content-type': 'text/plain' }, body: text }),
  },
  { name: 'a text under 200', says: (text) => reply({ headers: { 'content-type': 'text/plain' }, body: text }) },
  {
    name: 'the status line',
    says: (text) => replyRaw(`HTTP/1.1 500 ${line(text)}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`),
  },
  {
    name: 'headers',
    says: (text) => {
      const value = line(text)
      const headers = {
        'www-authenticate': `Bearer realm="${value}"`,
        'set-cookie': value,
        'x-request-id': value,
        'retry-after': value,
        'content-type': `application/json; ${value}`,
      }
      return replyJson({ message: '' }, { status: 401, headers })
    },
  },
  {
    name: 'headers under 200',
    says: (text) =>
      reply({ headers: { 'content-type': line(text), etag: line(text), 'content-range': line(text) }, body: 'x' }),
  },
  {
    name: 'a redirect',
    says: (text) =>
      reply({ status: 302, headers: { location: `/login?error=${encodeURIComponent(text)}#${line(text)}` } }),
  },
  {
    name: 'a redirect to nowhere',
    says: (text) =>
      reply({ status: 307, headers: { location: `https://a.invalid/${encodeURIComponent(text)}?x=${line(text)}` } }),
  },
  {
    name: 'a redirect with a user',
    says: (text) => reply({ status: 308, headers: { location: `http://u:${encodeURIComponent(text)}@127.0.0.1:9/a` } }),
  },
  {
    name: 'a redirect to a host of that name',
    says: (text) => reply({ status: 302, headers: { location: `http://${hostOf(text)}.invalid/a` } }),
  },
  {
    name: 'a redirect to a host of that name at another port',
    says: (text) => reply({ status: 307, headers: { location: `https://x.${hostOf(text)}.invalid:9/` } }),
  },
  {
    name: 'an invalid redirect',
    says: (text) => reply({ status: 301, headers: { location: `http://[${line(text)}` } }),
  },
  {
    name: 'an error under 200',
    says: (text) => replyJson({ ...error(text), status: 'failed', id: 'v1', message: text }),
  },
  {
    name: 'an error without a job',
    says: (text) => replyJson({ error: text, code: text, msg: text, success: false }),
  },
  {
    name: 'fields of another shape',
    says: (text) =>
      replyJson({ status: text, progress: text, url: text, model: text, size: text, event_id: text, ids: text }),
  },
  {
    name: 'fields of a job',
    says: (text) => replyJson({ id: 'v1', status: text, object: text, model: text, seconds: text }),
  },
  { name: 'JSON that breaks off', says: (text) => reply({ body: `{"id":"v1","message":${JSON.stringify(text)}` }) },
  {
    name: 'an event that is an error',
    says: (text) => stream(event(error(text), 'error'), event(JSON.stringify(text), 'error')),
  },
  { name: 'a frame that is an error', says: (text) => stream(event(error(text)), event('[DONE]')) },
  {
    name: 'frames of progress',
    says: (text) =>
      stream(
        `: ${line(text)}\n\n`,
        event(chunk({ reasoning_content: text })),
        event(chunk({ reasoning_content: `[${line(text).slice(0, 58)}] 40% (${line(text).slice(0, 58)})` })),
        event(chunk({ content: text })),
        event({ msg: text }, 'heartbeat'),
        event('[DONE]'),
      ),
  },
  {
    name: 'a frame that is not JSON',
    says: (text) => stream(event(line(text)), event(line(text), 'complete'), event(`{${line(text)}`)),
  },
  {
    name: 'a result that failed',
    says: (text) => stream(event([{ status: 'error', message: text }], 'complete'), event('[DONE]')),
  },
  {
    name: 'a stream that breaks off',
    says: (text) => cutReply(stream(event(error(text))), { afterBytes: 60, ending: 'close' }),
  },
  {
    name: 'a body that breaks off',
    says: (text) => {
      const body = JSON.stringify(error(text))
      const headers = { 'content-length': String(body.length + 50), 'content-type': 'application/json' }
      return reply({ status: 401, headers, body })
    },
  },
  {
    name: 'a body that breaks off in it',
    says: (text) =>
      cutReply(reply({ status: 401, headers: { 'content-length': [] }, body: text }), {
        afterBytes: 30,
        ending: 'close',
      }),
  },
  {
    name: 'a body that is reset',
    says: (text) => cutReply(reply({ status: 401, body: `${text}${text}` }), { afterBytes: text.length }),
  },
  { name: 'what is no HTTP', says: (text) => replyRaw(`${text}\r\n\r\n`) },
  { name: 'an invalid header', says: (text) => replyRaw(`HTTP/1.1 200 OK\r\n${line(text)}\u0001\r\n\r\n{}`) },
  {
    name: 'an unknown encoding',
    says: (text) =>
      reply({ status: 401, headers: { 'content-encoding': 'gzip', 'content-type': 'application/json' }, body: text }),
  },
]
