import { fallback, type Publisher, type Uploader, withRetry } from 'sora-pipeline'
import { chatCompletionsGenerator, mirrorResolver } from 'sora-pipeline/strategies'
import { replyFile, replyJson, resetConnection } from 'sora-pipeline/testing'
import { fastClock } from './fast-clock.ts'
import type { Fault, FaultStage, Place } from './fault.ts'
import { model, modelPoll } from './model-stages.ts'
import { describe, handlersOf, leadAstray, lostOrigin, type Often, placeOf } from './stage-parts.ts'
import {
  doneFields,
  doneReply,
  generatorRoutes,
  jobReply,
  jobText,
  type Played,
  REQUEST_MS,
  RETRY,
  VIDEO,
  type World,
} from './world.ts'

type Stage = (world: World, fault: Fault) => Promise<{ readonly played: Played; readonly outcome: string }>

/** The stages with faults, each with a pipeline around it and the word for its outcome. */
export const STAGES: Readonly<Record<FaultStage, Stage>> = {
  create: (world, fault) => create(world, fault, 'always'),
  'create-retry': (world, fault) => create(world, fault, 'retry'),
  'create-key': (world, fault) => create(world, fault, 'key'),
  poll: (world, fault) => poll(world, fault, 'once'),
  'poll-always': (world, fault) => poll(world, fault, 'always'),
  download: (world, fault) => download(world, fault, 'once'),
  'download-always': (world, fault) => download(world, fault, 'always'),
  probe: (world, fault) => probe(world, fault, 'once'),
  'probe-always': (world, fault) => probe(world, fault, 'always'),
  source: (world, fault) => source(world, fault, 'once'),
  'source-always': (world, fault) => source(world, fault, 'always'),
  target: (world, fault) => target(world, fault, 'once'),
  'target-always': (world, fault) => target(world, fault, 'always'),
  publish,
  find,
  chat,
  model,
  'model-poll': modelPoll,
}

/**
 * `accepted`, `retried` and `sent again` (the same submission, by its own withRetry, or under its key or in another encoding),
 * `next: code` (the second generator was paid), `review` (in review, nothing was repeated), `ends: code`.
 */
async function create(world: World, fault: Fault, way: 'always' | 'retry' | 'key') {
  const healthy = jobReply()
  const place = placeOf(world, { healthy, body: Buffer.from(jobText()), mediaType: 'application/json', path: '/job' })
  const videoUrl = `${world.origin('cdn')}/own.mp4`
  const handlers = handlersOf(fault, place, way === 'always' ? 'always' : 'once')
  await world.serve('first', { ...generatorRoutes(videoUrl), 'POST /v1/videos': handlers })
  const lost = await lostOrigin(world, fault)
  const plain = world.generator('first', {
    ...(lost !== undefined && way === 'always' && { baseUrl: `${lost}/v1` }),
    ...(lost !== undefined && way !== 'always' && { fetch: leadAstray(lost, 1, isCreate) }),
    idempotency: way === 'key' ? 'key' : 'none',
  })
  const first = way === 'retry' ? withRetry(plain, RETRY) : plain
  const played = await world.play({ generator: fallback(first, world.generator('second')) })
  const sent = world.seen('first', 'POST')
  const paid = world.seen('second', 'POST').length
  const isOneKey = new Set(sent.map(({ headers }) => headers['idempotency-key'])).size <= 1
  const { result, code, stored } = played
  const failure = result?.attempts.find(({ strategy, outcome }) => strategy === 'first' && outcome === 'failed')
  const outcome = () => {
    if (result && !result.isDegraded) {
      if (paid === 1 && sent.length <= (lost ? 0 : way === 'always' ? 1 : 2)) return `next: ${failure?.errorCode}`
      if (paid === 0 && sent.length === 1 && failure === undefined) return 'accepted'
      const tries = result.attempts.filter(({ stage }) => stage === 'generate').length
      if (paid === 0 && way === 'retry' && sent.length === (lost ? 1 : 2) && tries === 2 && !isSame(sent))
        return 'retried'
      if (paid === 0 && way === 'retry' && lost !== undefined && tries === 2) return 'retried'
      if (paid === 0 && sent.length === 2 && isOneKey) return 'sent again'
    }
    const isOnce = sent.length <= 1 && paid === 0
    if (isOnce && code === 'submission-unknown' && stored === 'needs-review') return 'review'
    return isOnce && result === undefined ? `ends: ${code}` : undefined
  }
  return { played, outcome: outcome() ?? describe(played, { sent: sent.length, paid }) }
}

/**
 * `read` (understood), `missed` (one poll less, reported as a warning), `in time` (the deadline, with the handle), `ends: code`
 * (typed, with the handle). The job was created once and never elsewhere.
 */
async function poll(world: World, fault: Fault, often: Often) {
  const videoUrl = `${world.origin('cdn')}/own.mp4`
  const healthy = often === 'once' ? jobReply({ status: 'in_progress', progress: 50 }) : doneReply(videoUrl)
  const body = Buffer.from(jobText(often === 'once' ? { status: 'in_progress', progress: 50 } : doneFields(videoUrl)))
  const place = placeOf(world, { healthy, body, mediaType: 'application/json', path: '/job' })
  const handlers = handlersOf(fault, place, often)
  const polls = often === 'once' ? [...handlers.slice(0, 1), doneReply(videoUrl)] : handlers
  await world.serve('first', { ...generatorRoutes(videoUrl), '/v1/videos/video_1': polls })
  const lost = await lostOrigin(world, fault)
  const fetch = lost === undefined ? {} : { fetch: leadAstray(lost, often === 'once' ? 1 : 1e9, isPoll) }
  // Only what never ends needs a short deadline: a busy machine must not make one of anything else.
  const isDeadlineMeant = often === 'always' && fault.expected['poll-always'] === 'in time'
  const played = await world.play({
    generator: fallback(world.generator('first', fetch), world.generator('second')),
    deadlines: { generateMs: fault.generateMs ?? (isDeadlineMeant ? 20_000 : 250_000) },
    ...(fault.speed && { clock: fastClock(fault.speed) }),
  })
  const { result, code, events } = played
  const creates = world.seen('first', 'POST').length
  const paid = world.seen('second', 'POST').length
  const isMissed = events.some((event) => event.type === 'warning' && /^poll-(missed|refused)$/.test(event.code))
  const outcome = () => {
    if (creates !== 1) return undefined
    if (result && !result.isDegraded && paid === 1) return 'next'
    if (paid !== 0) return undefined
    if (result && !result.isDegraded) return isMissed ? 'missed' : 'read'
    if (!hasHandle(played)) return undefined
    return code === 'stage-timeout' ? 'in time' : `ends: ${code}`
  }
  return { played, outcome: outcome() ?? describe(played, { creates, paid }) }
}

/**
 * A submission whose answer was lost, and the list that shows what became of it. `found` (the job of the list), `sent again` (it was
 * surely not accepted), `review`.
 */
async function find(world: World, fault: Fault) {
  const place = placeOf(world, {
    healthy: jobReply(),
    body: Buffer.from(jobText()),
    mediaType: 'application/json',
    path: '/job',
  })
  const videoUrl = `${world.origin('cdn')}/own.mp4`
  const routes = generatorRoutes(videoUrl)
  const create = [resetConnection(), jobReply({ id: 'video_2' })]
  await world.serve('first', {
    ...routes,
    'POST /v1/videos': create,
    'GET /v1/videos': handlersOf(fault, place, 'always'),
    '/v1/videos/video_2': jobReply({ id: 'video_2', ...doneFields(videoUrl) }),
  })
  const generator = world.generator('first', { lookup: 'list', settleMs: 1000 })
  const played = await world.play({ generator: fallback(generator, world.generator('second')) })
  const sent = world.seen('first', 'POST').length
  const paid = world.seen('second', 'POST').length
  const { result, code, stored } = played
  const outcome = () => {
    if (paid > 0) return undefined
    if (result?.video.id === 'video_1' && sent === 1) return 'found'
    if (result?.video.id === 'video_2' && sent === 2) return 'sent again'
    return sent === 1 && code === 'submission-unknown' && stored === 'needs-review' ? 'review' : undefined
  }
  return { played, outcome: outcome() ?? describe(played, { sent, paid }) }
}

/** The answer of a chat. `completed`, `next: code` (the second generator was paid), `review`, `ends: code`. */
async function chat(world: World, fault: Fault) {
  const videoUrl = `${world.origin('cdn')}/own.mp4`
  const body = Buffer.from(jobText(doneFields(videoUrl)))
  const place = placeOf(world, { healthy: jobReply(), body, mediaType: 'text/event-stream', path: '/job' })
  await world.serve('first', { 'POST /v1/chat/completions': handlersOf(fault, place, 'always') })
  const baseUrl = `${world.origin('first')}/v1`
  const generator = chatCompletionsGenerator({ name: 'first', baseUrl, model: 'sora-2', idleTimeoutMs: REQUEST_MS })
  const played = await world.play({ generator: fallback(generator, world.generator('second')) })
  const sent = world.seen('first', 'POST').length
  const paid = world.seen('second', 'POST').length
  const { result, code, stored } = played
  const failure = result?.attempts.find(({ strategy, outcome }) => strategy === 'first' && outcome === 'failed')
  const outcome = () => {
    if (sent !== 1) return undefined
    if (result && paid === 1) return `next: ${failure?.errorCode}`
    if (paid > 0) return undefined
    if (result) return result.url === videoUrl ? 'completed' : undefined
    return stored === 'needs-review' ? 'review' : `ends: ${code}`
  }
  return { played, outcome: outcome() ?? describe(played, { sent, paid }) }
}

/**
 * The video behind the generator's key. `whole` (at once, or when the source retried automatically), `resumed` (from the last good byte), `retried` (from the start),
 * `polled again` (the job, once more, for the video's address), `no copy` (typed, with the handle and the source: nothing public exists).
 */
async function download(world: World, fault: Fault, often: Often) {
  const handlers = handlersOf(fault, videoPlace(world), often)
  await world.serve('first', { ...generatorRoutes(), '/v1/videos/video_1/content': handlers })
  const lost = await lostOrigin(world, fault)
  const fetch = lost === undefined ? {} : { fetch: leadAstray(lost, often === 'once' ? 1 : 1e9, isContent) }
  const played = await world.play({
    generator: world.generator('first', fetch),
    uploader: withRetry(await world.uploader(), RETRY),
  })
  const opened = [...world.seen('first', 'GET', '/v1/videos/video_1/content')]
  const isNoCopy = played.code === 'no-usable-url' && hasHandle(played) && 'source' in (played.error as object)
  const isAnew = played.result?.warnings.some(({ code }) => code === 'source-replaced') === true
  const outcome = isNoCopy ? 'no copy' : isAnew && copied(played, []) ? 'polled again' : copied(played, opened)
  return { played, outcome: outcome ?? describe(played, { opened: opened.length }) }
}

/** A mirror whose every answer is faulty. `proven`, `next mirror`, `own url` (none is left: degraded, the generator's own). */
async function probe(world: World, fault: Fault, often: Often) {
  const handlers = handlersOf(fault, videoPlace(world), 'always')
  await world.serve('mirror', { '/MP4/video_1.mp4': handlers })
  await world.serve('first', generatorRoutes(`${world.origin('cdn')}/own.mp4`))
  const mirror = (await lostOrigin(world, fault)) ?? world.origin('mirror')
  const resolver = mirrorResolver({
    hosts: often === 'once' ? [mirror, world.origin('cdn')] : [mirror],
    path: '/MP4/{videoId}.mp4',
    timeoutMs: REQUEST_MS,
    minBytes: 1000,
    allowPrivateAddresses: world.allowed,
  })
  const played = await world.play({ generator: world.generator('first'), resolver })
  const { result } = played
  const at = (start: string) => result?.url.startsWith(start) === true
  const outcome = () => {
    if (at(`${mirror}/MP4/`) && result?.isDegraded === false) return 'proven'
    if (at(`${world.origin('cdn')}/MP4/`) && result?.isDegraded === false) return 'next mirror'
    return at(`${world.origin('cdn')}/own.mp4`) && result?.isDegraded ? 'own url' : undefined
  }
  return { played, outcome: outcome() ?? describe(played) }
}

/**
 * A mirror that was well when it was checked, and fails when it is read. `whole`, `resumed`, `retried`, `replaced` (the
 * generated video is uploaded instead, reported as a warning), `mirror url` (degraded).
 */
async function source(world: World, fault: Fault, often: Often) {
  const handlers = handlersOf(fault, videoPlace(world), often)
  await world.serve('mirror', { 'HEAD /MP4/video_1.mp4': replyFile(VIDEO), '/MP4/video_1.mp4': handlers })
  await world.serve('first', generatorRoutes(`${world.origin('cdn')}/own.mp4`))
  const played = await world.play({
    generator: world.generator('first'),
    resolver: mirrorResolver({ hosts: [world.origin('mirror')], path: '/MP4/{videoId}.mp4', timeoutMs: REQUEST_MS }),
    uploader: withRetry(await world.uploader(), RETRY),
  })
  const opened = world.seen('mirror', 'GET', '/MP4/')
  const isReplaced = played.result?.warnings.some(({ code }) => code === 'source-replaced') === true
  const isReplacedWhole = isReplaced && copied(played, []) !== undefined
  const outcome = isReplacedWhole ? 'replaced' : (copied(played, opened) ?? mirrorUrl(world, played))
  return { played, outcome: outcome ?? describe(played, { opened: opened.length }) }
}

/** A store of the user's own. `stored`, `retried`, `mirror url` (degraded). */
async function target(world: World, fault: Fault, often: Often) {
  const healthy = replyJson({ stored: 'café' })
  const place = placeOf(world, {
    healthy,
    body: Buffer.from('{"stored":"café"}'),
    mediaType: 'application/json',
    path: '/job',
  })
  await world.serve('target', { 'PUT /a.mp4': handlersOf(fault, place, often) })
  await world.serve('mirror', { '/MP4/video_1.mp4': replyFile(VIDEO) })
  await world.serve('first', generatorRoutes(`${world.origin('cdn')}/own.mp4`))
  const lost = await lostOrigin(world, fault)
  let calls = 0
  const uploader: Uploader = {
    name: 'my-store',
    async upload(video, { signal }) {
      calls += 1
      const body = await new Response(await video.open({ signal })).bytes()
      const origin = lost !== undefined && (often === 'always' || calls === 1) ? lost : world.origin('target')
      const answer = await fetch(`${origin}/a.mp4`, { method: 'PUT', body, ...limits(signal) })
      if (!answer.ok) throw new Error(`Could not store: ${answer.status}`)
      JSON.parse(await answer.text())
      return { url: 'https://store.example/a.mp4' }
    },
  }
  const played = await world.play({
    generator: world.generator('first'),
    resolver: mirrorResolver({ hosts: [world.origin('mirror')], path: '/MP4/{videoId}.mp4', timeoutMs: REQUEST_MS }),
    uploader: withRetry(uploader, { ...RETRY, shouldRetry: () => true }),
  })
  const { result } = played
  const isStored = result?.servedBy === 'uploader' && !result.isDegraded
  const outcome = isStored ? (calls === 1 ? 'stored' : 'retried') : mirrorUrl(world, played)
  return { played, outcome: outcome ?? describe(played, { calls }) }
}

/** A custom publisher. `published`, `continues` (degraded, without a post). */
async function publish(world: World, fault: Fault) {
  const body = Buffer.from('{"post":{"id":"s_1","text":"café"}}')
  const healthy = replyJson({ post: { id: 's_1', text: 'café' } })
  const place = placeOf(world, { healthy, body, mediaType: 'application/json', path: '/job' })
  await world.serve('target', { 'POST /post': handlersOf(fault, place, 'always') })
  await world.serve('first', generatorRoutes(`${world.origin('cdn')}/own.mp4`))
  const origin = (await lostOrigin(world, fault)) ?? world.origin('target')
  const publisher: Publisher = {
    name: 'my-posts',
    async publish(_video, { signal }) {
      const answer = await fetch(`${origin}/post`, { method: 'POST', body: '{}', ...limits(signal) })
      if (!answer.ok) throw new Error(`Could not publish: ${answer.status}`)
      const { post } = JSON.parse(await answer.text()) as { post: { id: string } }
      return { id: post.id }
    },
  }
  const played = await world.play({ generator: world.generator('first'), publisher })
  const { result } = played
  const isOwnUrl = result?.url === `${world.origin('cdn')}/own.mp4`
  const posts = world.seen('target', 'POST').length
  const outcome = () => {
    if (!isOwnUrl || posts > 1) return undefined
    if (result.publication?.id === 's_1' && !result.isDegraded) return 'published'
    return result.publication === undefined && result.isDegraded ? 'continues' : undefined
  }
  return { played, outcome: outcome() ?? describe(played, { posts }) }
}

function videoPlace(world: World): Place {
  return placeOf(world, { healthy: replyFile(VIDEO), body: VIDEO, mediaType: 'video/mp4', path: '/own.mp4' })
}

const isCreate = (method: string) => method === 'POST'
const isPoll = (method: string, path: string) => method === 'GET' && path.endsWith('/video_1')
const isContent = (_method: string, path: string) => path.endsWith('/content')

// Not AbortSignal.any with AbortSignal.timeout: Node 22.12 may collect the timeout before it fires.
function limits(signal: AbortSignal): RequestInit {
  const limit = new AbortController()
  const late = setTimeout(() => limit.abort(new DOMException('No answer in time', 'TimeoutError')), REQUEST_MS)
  late.unref()
  signal.addEventListener('abort', () => limit.abort(signal.reason), { once: true })
  return { redirect: 'error', signal: limit.signal }
}

function copied(
  { result, isStoredWhole }: Played,
  opened: readonly { readonly headers: Readonly<Record<string, string>> }[],
) {
  if (result?.servedBy !== 'uploader' || result.isDegraded || !isStoredWhole) return undefined
  if (opened.some(({ headers }) => headers.range !== undefined)) return 'resumed'
  const attempts = result.attempts.filter(({ stage }) => stage === 'upload').length
  return attempts > 1 ? 'retried' : 'whole'
}

function mirrorUrl(world: World, { result }: Played): string | undefined {
  const isMirror = result?.url.startsWith(`${world.origin('mirror')}/`) === true
  return isMirror && result?.servedBy === 'resolver' && result.isDegraded ? 'mirror url' : undefined
}

function hasHandle({ error }: Played): boolean {
  const handle: unknown = typeof error === 'object' && error !== null && 'handle' in error ? error.handle : undefined
  return JSON.stringify(handle)?.includes('"video_1"') === true
}

function isSame(sent: readonly { readonly headers: Readonly<Record<string, string>> }[]): boolean {
  return sent.length === 2 && sent[0]?.headers['idempotency-key'] === sent[1]?.headers['idempotency-key']
}
