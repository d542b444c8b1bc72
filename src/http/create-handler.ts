import { ConfigurationError } from '../contracts/input-errors.js'
import { redact } from '../contracts/secrets/redact.js'
import type { Call } from './call.js'
import { callerOf } from './caller.js'
import { corsHeaders, preflight } from './cors.js'
import { errorAnswer, isInternal } from './error-answer.js'
import type { HandlerOptions } from './handler-options.js'
import { handlerSettings } from './handler-settings.js'
import { HEALTH_PATH, healthAnswers } from './health.js'
import { HttpRefusal } from './http-refusal.js'
import type { Incoming, RequestTarget } from './incoming.js'
import { requestEndings } from './machines/request-endings.js'
import { sharedParts } from './machines/shared-parts.js'
import { pageAnswer, playAddress } from './page/page-routes.js'
import { type Answer, PlainAnswer } from './plain-answer.js'
import { withPlainHandler } from './plain-handler.js'
import { bodyBudget } from './requests/body-budget.js'
import { answerChat } from './routes/chat-route.js'
import { videoContent } from './routes/content-route.js'
import { isSignedContent } from './routes/content-url.js'
import { editVideo, extendVideo } from './routes/edited-videos.js'
import { streamEvents } from './routes/events-route.js'
import { listModels, retrieveModel } from './routes/models-routes.js'
import { noSuchVideo, ownedRun } from './routes/owned-run.js'
import { videoSources } from './routes/video-sources.js'
import { createVideo, deleteVideo, listVideos, remixVideo, retrieveVideo } from './routes/videos-routes.js'
import { wakeRoute } from './routes/wake-route.js'
import type { VideoRunner } from './video-runner.js'

type Route = (call: Call, id: string) => Answer | Promise<Answer>

type Routes = Readonly<Record<string, Readonly<Record<string, Route>>>>

// By the path below `basePath`, where `*` is the id of a video or of a model.
const ROUTES: Routes = {
  'chat/completions': { POST: answerChat },
  models: { GET: listModels },
  'models/*': { GET: retrieveModel },
  videos: { POST: createVideo, GET: listVideos },
  'videos/edits': { POST: editVideo },
  'videos/extensions': { POST: extendVideo },
  'videos/*': { GET: retrieveVideo, DELETE: deleteVideo },
  'videos/*/content': { GET: contentOf, HEAD: contentOf },
  'videos/*/events': { GET: async (call, id) => streamEvents(call, await ownedRun(call, id)) },
  'videos/*/remix': { POST: remixVideo },
}
const PAGE_ROUTES: Routes = {
  ...ROUTES,
  page: { GET: pageAnswer, HEAD: pageAnswer },
  'page/*': { GET: playAddress },
}

// Characters of the retired API are no videos.
const UNSERVED = /^videos\/characters(?:\/|$)/

/**
 * Creates an OpenAI-compatible backend of a pipeline: chat completions that answer with a video, streamed or not, and
 * the Videos API as the official clients use it. The handler is a function from `Request` to `Response`, for Hono,
 * Next.js and any other framework with Fetch types; `toNodeListener` mounts it on `node:http`, Express and Fastify.
 * Every failure becomes an answer in OpenAI's format; it rejects only if it is called with anything but a `Request`.
 *
 * | path below `basePath` | |
 * | --- | --- |
 * | `POST /chat/completions` | a video for the last message; `stream: true` for its progress |
 * | `GET /models`, `GET /models/{id}` | |
 * | `POST /videos` | starts a video, from JSON or a form; `Idempotency-Key` makes it safe to send again |
 * | `GET /videos`, `GET /videos/{id}` | |
 * | `GET`, `HEAD /videos/{id}/content` | its bytes, with `Range` |
 * | `DELETE /videos/{id}` | cancels it, and removes it from the list |
 * | `POST /videos/{id}/remix` | |
 * | `POST /videos/edits`, `POST /videos/extensions` | from a video of the caller or a file, if the generator takes a `video` |
 * | `GET /videos/{id}/events` | its typed events as they come, resumed by `Last-Event-ID` |
 * | `POST /wake/{token}` | webhooks of upstreams, at the addresses of `createWakeUrl`; needs `contentSecret` |
 * | `GET /page` | a page for people, with the option `page` |
 *
 * With `healthz`, `GET` and `HEAD /healthz` report whether the store answers.
 *
 * Without `apiKeys` or `authenticate` every client that reaches the handler may spend your money: a process warning
 * reports it once, unless `public` is `true`. A client that disconnects stops no video, unless `onDisconnect` is
 * `cancel`: the video continues, costs, and can be fetched by its id. Callers see only their own videos. After a
 * restart `pipeline.recover()` resumes unfinished runs; so does a request for such a video.
 *
 * @throws ConfigurationError when the first argument is not a pipeline, or naming every option that cannot work.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { SoraPipeline } from 'sora-pipeline'
 * import { createHandler, toNodeListener } from 'sora-pipeline/http'
 *
 * const pipeline = new SoraPipeline({
 *   generator: { name: 'mock', generate: async () => ({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) },
 * })
 * const handler = createHandler(pipeline, { apiKeys: ['my-key'] })
 * const server = createServer(toNodeListener(handler))
 * const answer = await handler(
 *   new Request('http://localhost/v1/chat/completions', {
 *     method: 'POST',
 *     headers: { authorization: 'Bearer my-key', 'content-type': 'application/json' },
 *     body: JSON.stringify({ model: 'sora-1.0', messages: [{ role: 'user', content: 'A cat playing piano' }] }),
 *   }),
 * )
 * console.log(server.listening, answer.status, await answer.text())
 * ```
 */
export function createHandler(
  runner: VideoRunner,
  options: HandlerOptions = {},
): (request: Request) => Promise<Response> {
  const settings = handlerSettings(runner, options)
  const { cors, clock, onError } = settings
  const bodies = {
    maxBytes: settings.maxBodyBytes,
    shareOf: bodyBudget(settings.maxTotalBodyBytes),
    time: { limitMs: settings.bodyTimeoutMs, clock },
  }
  const caller = callerOf(settings)
  const sources = videoSources(runner, clock)
  const { webhooks, repeats, elsewhere, places } = sharedParts(runner, options, settings)
  const { contentSecret } = options
  const wake = wakeRoute({ runner, contentSecret, bodies, clock, onError })

  const healthPath = settings.healthz === true ? HEALTH_PATH : settings.healthz || undefined
  const answerHealth = healthAnswers(runner, clock)
  const routes = settings.page ? PAGE_ROUTES : ROUTES

  const answerOf = async (request: Incoming): Promise<Answer> => {
    const url = request.target ?? new URL(request.url)
    if (url.pathname === healthPath) return answerHealth(request)
    const segments = segmentsOf(url, settings.basePath)
    const [, id = '', , token] = segments
    // The token takes the place of a key, which upstreams do not have.
    if (wake && segments.length === 2 && segments[0] === 'wake') {
      if (request.method !== 'POST') throw wrongMethod(request, ['POST'])
      return wake(request, id)
    }
    const ending = () => endingOf(request)
    const shared = { request, url, runner, settings, webhooks, repeats, elsewhere, places, bodies, sources, ending }
    // A signed address needs no key, because video players send none.
    if (segments.length === 4 && segments[2] === 'content' && isSignedContent(settings, id, token ?? '')) {
      const record = await runner.get(id)
      if (record === undefined) throw noSuchVideo(id)
      if (request.method !== 'GET' && request.method !== 'HEAD') throw wrongMethod(request, ['GET', 'HEAD'])
      return videoContent(shared, record)
    }
    const route = routeOf(request, url, { routes, segments, basePath: settings.basePath })
    // The page has no data, and asks for the key itself.
    if (route === pageAnswer) return pageAnswer(shared)
    const owner = await caller(request)
    // A copy, because the headers of a redirect or of a fetched answer are immutable.
    return typeof owner === 'string' ? route({ ...shared, owner }, id) : new Response(owner.body, owner)
  }

  const { ended, endingOf } = requestEndings(repeats, elsewhere)
  const answer = async (request: Incoming): Promise<Answer> => {
    try {
      const preflighted = preflight(request, cors)
      if (preflighted) return preflighted
      const answered = await answerOf(request)
      if (!(answered instanceof PlainAnswer && answered.isStream)) ended(request)
      return withHeaders(answered, corsHeaders(request, cors))
    } catch (error) {
      ended(request, error)
      // The client has disconnected and reads no answer.
      if (isInternal(error) && !request.signal.aborted) onError(error)
      return withHeaders(errorAnswer(error), corsHeaders(request, cors))
    }
  }

  const handler = async (request: Request): Promise<Response> => {
    if (!isRequest(request)) throw notARequest()
    const answered = await answer(request)
    return answered instanceof PlainAnswer ? answered.toResponse() : answered
  }
  const needsRequest = settings.authenticate !== undefined
  return withPlainHandler(handler, { answer, needsRequest, onError: options.onError && onError })
}

async function contentOf(call: Call, id: string): Promise<Response> {
  return videoContent(call, await ownedRun(call, id))
}

function segmentsOf({ pathname }: RequestTarget, basePath: string): readonly string[] {
  const path = pathname.endsWith('/') ? pathname.slice(0, -1) : pathname
  if (!path.startsWith(`${basePath}/`)) return []
  const segments = path.slice(basePath.length + 1).split('/')
  try {
    return path.includes('%') ? segments.map(decodeURIComponent) : segments
  } catch {
    return [] // A path with an incomplete escape matches no route.
  }
}

function routeOf(
  request: Incoming,
  { pathname }: RequestTarget,
  {
    routes,
    segments,
    basePath,
  }: { readonly routes: Routes; readonly segments: readonly string[]; readonly basePath: string },
): Route {
  const written = segments.join('/')
  const pattern = [segments[0], '*', ...segments.slice(2)].join('/')
  const found = [written, ...(UNSERVED.test(written) ? [] : [pattern])].find((path) => Object.hasOwn(routes, path))
  const methods = found === undefined ? undefined : routes[found]
  if (methods === undefined) {
    const place = `${request.method} ${redact(pathname).slice(0, 200)}`
    const advice = `use POST ${basePath}/chat/completions, or POST ${basePath}/videos`
    const reason =
      segments[0] === 'responses' ? `is not served; ${advice}` : `is not one of ${routeList(routes, basePath)}`
    throw new HttpRefusal({ status: 404, code: 'unknown_url', message: `Could not find the path: ${place} ${reason}` })
  }
  const route = Object.hasOwn(methods, request.method) ? methods[request.method] : undefined
  if (route === undefined) throw wrongMethod(request, Object.keys(methods))
  return route
}

/** Every route of callers with its method, such as `POST /v1/chat/completions, GET /v1/models/{id}`. */
function routeList(routes: Routes, basePath: string): string {
  return Object.entries(routes)
    .flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${basePath}/${path.replace('*', '{id}')}`),
    )
    .join(', ')
}

function wrongMethod({ method }: Incoming, allowed: readonly string[]): HttpRefusal {
  const message = `Could not use the method: ${method} is not allowed here, give ${allowed.join(' or ')}`
  return new HttpRefusal({ status: 405, code: 'method_not_allowed', message, headers: { allow: allowed.join(', ') } })
}

// Also a `Request` of another implementation.
function isRequest(value: unknown): boolean {
  return typeof Object(Object(value).headers).get === 'function'
}

function notARequest(): ConfigurationError {
  const fix =
    'mount it as toNodeListener(handler) on node:http, Express and Fastify, or give the Request itself, such as context.req.raw of Hono'
  return new ConfigurationError('createHandler', [{ field: 'request', value: 'not a Request', fix }])
}

function withHeaders(answer: Answer, headers: Readonly<Record<string, string>>): Answer {
  if (answer instanceof PlainAnswer) return Object.keys(headers).length === 0 ? answer : answer.with(headers)
  for (const [name, value] of Object.entries(headers)) answer.headers.set(name, value)
  return answer
}
