import { createXai } from '@ai-sdk/xai'
import { fallback } from 'sora-pipeline'
import { videoModelGenerator } from 'sora-pipeline/strategies'
import { replyJson } from 'sora-pipeline/testing'
import type { Fault } from './fault.ts'
import { describe, handlersOf, leadAstray, lostOrigin, placeOf } from './stage-parts.ts'
import { CANARIES, type Played, type World } from './world.ts'

const STARTED = { request_id: 'job_1' }
const PENDING = { status: 'pending', progress: 50 }
const JSON_TYPE = 'application/json'

/**
 * The submission of a model of the AI SDK. `accepted`, `next: code` (the second generator was paid), `review`, `ends: code`.
 */
export async function model(world: World, fault: Fault) {
  const body = Buffer.from(JSON.stringify(STARTED))
  const place = placeOf(world, { healthy: replyJson(STARTED), body, mediaType: JSON_TYPE, path: '/job' })
  await world.serve('first', {
    'POST /v1/videos/generations': handlersOf(fault, place, 'always'),
    '/v1/videos/job_1': replyJson(doneOf(world)),
  })
  const lost = await lostOrigin(world, fault)
  // A model has no time limit of its own: a submission that hangs is cut off 30 s after the deadline.
  const generateMs = fault.expected.model === 'review' ? 100_000 : 250_000
  const generator = chainOf(world, { baseURL: lost && `${lost}/v1` })
  const played = await world.play({ generator, deadlines: { generateMs } })
  const sent = world.seen('first', 'POST').length
  const paid = world.seen('second', 'POST').length
  const { result, code, stored } = played
  const failure = result?.attempts.find(({ strategy, outcome }) => strategy === 'first' && outcome === 'failed')
  const outcome = () => {
    if (sent > 1) return undefined
    if (result && paid === 1) return `next: ${failure?.errorCode}`
    if (paid > 0) return undefined
    if (result) return result.isDegraded || failure !== undefined ? undefined : 'accepted'
    return code === 'submission-unknown' && stored === 'needs-review' ? 'review' : `ends: ${code}`
  }
  return { played, outcome: outcome() ?? describe(played, { sent, paid }) }
}

/** A poll of a model of the AI SDK. `read` or `missed`: the job was created once and never elsewhere. */
export async function modelPoll(world: World, fault: Fault) {
  const body = Buffer.from(JSON.stringify(PENDING))
  const place = placeOf(world, { healthy: replyJson(PENDING), body, mediaType: JSON_TYPE, path: '/job' })
  const done = replyJson(doneOf(world))
  await world.serve('first', {
    'POST /v1/videos/generations': replyJson(STARTED),
    '/v1/videos/job_1': [...handlersOf(fault, place, 'once').slice(0, 1), done],
  })
  const lost = await lostOrigin(world, fault)
  const isPoll = (method: string, path: string) => method === 'GET' && path.endsWith('/job_1')
  const played = await world.play({
    generator: chainOf(world, lost === undefined ? {} : { fetch: leadAstray(lost, 1, isPoll) }),
  })
  const sent = world.seen('first', 'POST').length
  const paid = world.seen('second', 'POST').length
  const outcome = () => (sent === 1 && paid === 0 ? pollOutcome(played) : undefined)
  return { played, outcome: outcome() ?? describe(played, { sent, paid }) }
}

function pollOutcome({ result, events }: Played): string | undefined {
  if (result === undefined || result.isDegraded) return undefined
  const codes = events.map((event) => (event.type === 'warning' ? event.code : ''))
  return codes.some((code) => /^poll-(missed|refused)$|^unconfirmed-failure$/.test(code)) ? 'missed' : 'read'
}

function chainOf(
  world: World,
  options: { readonly baseURL?: string | undefined; readonly fetch?: typeof globalThis.fetch },
) {
  const { baseURL = `${world.origin('first')}/v1`, ...more } = options
  const grok = createXai({ apiKey: CANARIES.first, baseURL, ...more }).video('grok-imagine-video')
  const first = videoModelGenerator(grok, { name: 'first', allowPrivateAddresses: world.allowed })
  return fallback(first, world.generator('second'))
}

function doneOf(world: World) {
  return { status: 'done', progress: 100, video: { url: `${world.origin('cdn')}/own.mp4`, duration: 6 } }
}
