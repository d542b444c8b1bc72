import type { ServerResponse } from 'node:http'
import { type Url2driveUploaderOptions, url2driveUploader } from '../../../src/strategies/index.js'
import { fakeContext, fakeSource, manualClock } from '../../../src/testing/index.js'
import { json, loopbackServer, type SeenRequest } from '../../upstream/loopback-server.js'

type Handler = (sent: SeenRequest, response: ServerResponse) => unknown

/** What a Space answers; what is left out is answered as a healthy Gradio does. */
export interface SpaceScript {
  /** @defaultValue `''`, as up to Gradio 4 */
  readonly prefix?: string
  /** The false prefix in `/config`. */
  readonly saidPrefix?: string | null
  readonly parameters?: readonly object[]
  readonly config?: Handler
  readonly info?: Handler
  readonly submit?: Handler
  readonly stream?: Handler
}

export const PASSWORD = 'canary-password-1'
export const TOKEN = 'hf_canaryToken12345'
export const VIDEO_URL = 'https://cdn.example/a.mp4?sig=canary-signature-1'
export const RESULT = {
  status: 'success',
  file_id: '1AbC',
  view_link: 'https://drive.google.com/file/d/1AbC/view?usp=drivesdk',
  download_link: 'https://drive.google.com/uc?id=1AbC&export=download',
}

const INPUT = { parameter_has_default: false, parameter_default: null }
export const TWO_INPUTS = [INPUT, INPUT]
export const THREE_INPUTS = [INPUT, INPUT, { parameter_has_default: true, parameter_default: 'everybody' }]

/** Answers with a whole stream. */
export const stream =
  (...parts: string[]): Handler =>
  (_, response) =>
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' }).end(parts.join(''))

export const event = (name: string, data: unknown) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`

/** A server that answers like a Space, except for its script; `script` may be changed between two requests. */
export async function scriptedSpace(given: SpaceScript = {}) {
  const space = { script: given }
  const server = await loopbackServer((sent, response, request) => {
    const { prefix = '', saidPrefix = prefix, parameters = THREE_INPUTS, ...handlers } = space.script
    const answer = (handler: Handler | undefined, usual: ReturnType<typeof json>) =>
      handler === undefined ? usual(sent, response, request) : handler(sent, response)
    const { pathname: path } = new URL(sent.url, 'http://space')
    if (path === '/config') return answer(handlers.config, json(200, { version: '4', api_prefix: saidPrefix }))
    if (path === `${prefix}/info`) {
      return answer(handlers.info, json(200, { named_endpoints: { '/upload': { parameters } } }))
    }
    if (path === `${prefix}/call/upload`) return answer(handlers.submit, json(200, { event_id: 'event1' }))
    if (path === `${prefix}/call/upload/event1`) {
      return answer(handlers.stream, stream(event('heartbeat', null), event('complete', [RESULT])))
    }
    return json(404, { detail: 'Not Found' })(sent, response, request)
  })
  return {
    server,
    space,
    uploader: (options: Partial<Url2driveUploaderOptions> = {}) =>
      url2driveUploader({ baseUrl: server.origin, password: PASSWORD, ...options }),
    /** The requests, in order. */
    asked: () => server.seen.map(({ method, url }) => `${method} ${url}`),
    /** The inputs of every submission. */
    submitted: () =>
      server.seen.filter(({ method }) => method === 'POST').map(({ body }) => JSON.parse(body.toString('utf8'))),
  }
}

export const publicVideo = (url = VIDEO_URL) => fakeSource({ isPublic: true, url })

/** A context whose clock jumps over the waits between two requests, and on which nothing is ever late. */
export function uploadContext({ signal }: { readonly signal?: AbortSignal } = {}) {
  const clock = manualClock()
  const waits: number[] = []
  const jumping = {
    ...clock,
    waits,
    async sleep(ms: number, options?: { readonly signal?: AbortSignal | undefined }) {
      if (ms > 10_000) return clock.sleep(Number.POSITIVE_INFINITY, options)
      waits.push(ms)
      options?.signal?.throwIfAborted()
      await clock.advance(ms)
    },
  }
  return fakeContext({ clock: jumping, signal })
}
