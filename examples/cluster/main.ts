// A whole cluster on this machine: Redis or PostgreSQL, three workers, two HTTP processes. One worker is killed while its
// submissions are in flight; the others continue its runs, and no job is paid twice.
//   node examples/cluster/main.ts --store redis        or: --store postgres
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Sandbox, type SandboxRequest, startSandbox } from 'sora-pipeline/sandbox'
import { type Member, type RunEvent, startMember } from './member.ts'
import { startServer } from './server.ts'

const RUNS = 6
const MOST_MS = 55_000
const AUTHORIZATION = { authorization: 'Bearer my-key' }
const { values: options } = parseArgs({ options: { store: { type: 'string', default: 'redis' } } })
const ends: (() => Promise<unknown>)[] = []
const interrupted = new Promise<never>((_, reject) => {
  setTimeout(() => reject(new Error(`Could not finish within ${MOST_MS} ms`)), MOST_MS).unref()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => reject(new Error(`Could not finish: stopped by ${signal}`)))
})

try {
  await Promise.race([play(), interrupted])
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  for (const end of ends.reverse()) await end()
  process.exit()
}

async function play(): Promise<void> {
  if (options.store !== 'redis' && options.store !== 'postgres')
    throw new Error(`Could not start: --store is ${options.store} (give redis or postgres)`)
  const server = await startServer(options.store)
  ends.push(() => server.close())
  // It has the job at once and answers after 5 s: a worker that is killed in between does not know what it paid for.
  const sandbox = await startSandbox({ faults: { 'videos.create': { kind: 'slow', delayMs: 5000 } } })
  ends.push(() => sandbox.close())
  const env = {
    STORE_URL: server.url,
    VIDEO_API_URL: sandbox.videosApi.baseUrl,
    VIDEO_API_KEY: sandbox.videosApi.apiKey,
    VIDEO_MIRROR: sandbox.mirrors[0],
  }
  const start = async (role: 'worker' | 'http', number: number) => {
    const member = await startMember(role, number, env)
    ends.push(() => member.end())
    return member
  }
  const workers = await Promise.all([1, 2, 3].map((number) => start('worker', number)))
  const doors = await Promise.all([1, 2].map((number) => start('http', number)))
  console.log(`${options.store} on port ${server.port}, ${workers.length} workers, ${doors.length} HTTP processes`)

  const created = Promise.all(Array.from({ length: RUNS }, (_, run) => create(doorOf(doors, run), promptOf(run))))
  created.catch(() => undefined) // It is awaited below.
  const victim = await busyWorker(sandbox, workers)
  const inFlight = inFlightOf(sandbox, victim)
  const killedAt = Date.now()
  victim.child.kill('SIGKILL')
  const { length } = inFlight
  console.log(`kill -9 ${victim.child.pid}, ${victim.name}: it has paid for ${length} jobs, and not received their ids`)
  const ids = await created
  console.log(`${RUNS} videos created, in turns through both HTTP processes`)

  // Each is read from the HTTP process that did not create it.
  const videos = await Promise.all(ids.map((id, run) => ended(doorOf(doors, run + 1), id)))
  for (const id of inFlight.map((run) => String(ids[run]))) {
    const { name, at } = nextEvent(workers, id, killedAt)
    console.log(`  ${id}: ${name} took over ${secondsSince(killedAt, at)} after the kill`)
  }
  console.log(`all ended ${secondsSince(killedAt, Date.now())} after the kill`)

  for (const [run, { id, url }] of videos.entries()) {
    const by = submissionsOf(sandbox, run).map(({ headers }) => headers['user-agent'])
    console.log(`${id}: ${by.length} create, by ${by}; ended by ${enderOf(workers, id)}: ${url}`)
  }
  const creates = sandbox.requestsTo('videos.create').length
  const urls = videos.filter(({ url }) => url !== undefined).length
  console.log(`${RUNS} runs, ${creates} creates at the upstream, ${urls} URLs`)
  if (creates !== RUNS || urls !== RUNS)
    throw new Error('Could not keep the promise: every run has one create and a URL')
}

function doorOf(doors: readonly Member[], turn: number): string {
  return `http://127.0.0.1:${doors[turn % doors.length]?.port}/v1/videos`
}

function promptOf(run: number): string {
  return `A cat playing piano, take ${run + 1}`
}

interface Video {
  readonly id: string
  readonly status: string
  readonly url?: string
}

async function create(door: string, prompt: string): Promise<string> {
  const headers = { ...AUTHORIZATION, 'content-type': 'application/json' }
  const answer = await fetch(door, { method: 'POST', headers, body: JSON.stringify({ prompt }) })
  return ((await answer.json()) as Video).id
}

async function ended(door: string, id: string): Promise<Video> {
  for (;;) {
    const answer = await fetch(`${door}/${id}`, { headers: AUTHORIZATION })
    const video = (await answer.json()) as Video
    if (video.status === 'completed' || video.status === 'failed') return video
    await sleep(250)
  }
}

/** The submissions of a run, as the upstream received them. */
function submissionsOf(sandbox: Sandbox, run: number): readonly SandboxRequest[] {
  return sandbox.requestsTo('videos.create').filter(({ body }) => Object(body).prompt === promptOf(run))
}

/** The runs of which a worker waits for the answer to its submission. */
function inFlightOf(sandbox: Sandbox, { name }: Member): readonly number[] {
  const runs = Array.from({ length: RUNS }, (_, run) => run)
  const isInFlight = ({ headers, status }: SandboxRequest) => headers['user-agent'] === name && status === undefined
  return runs.filter((run) => submissionsOf(sandbox, run).some(isInFlight))
}

/** A worker with two submissions in flight, or with one when no further ones come. */
async function busyWorker(sandbox: Sandbox, workers: readonly Member[]): Promise<Member> {
  const inFlight = (worker: Member | undefined) => (worker ? inFlightOf(sandbox, worker).length : 0)
  for (;;) {
    const [busiest] = workers.toSorted((a, b) => inFlight(b) - inFlight(a))
    const isLast = sandbox.requestsTo('videos.create').length === RUNS
    if (busiest && inFlight(busiest) >= (isLast ? 1 : 2)) return busiest
    await sleep(20)
  }
}

/** The first event of a run after an instant, with the worker that it comes from. */
function nextEvent(workers: readonly Member[], id: string, after: number) {
  const all = workers.flatMap(({ name, events }) => events.map((event) => ({ name, ...event })))
  const later = all.filter(({ runId, at }) => runId === id && at > after).sort((a, b) => a.at - b.at)
  return later[0] ?? { name: 'no worker', at: Number.NaN }
}

function enderOf(workers: readonly Member[], id: string): string {
  const isEnd = ({ runId, type }: RunEvent) => runId === id && type === 'run-completed'
  return workers.find(({ events }) => events.some(isEnd))?.name ?? 'no worker'
}

function secondsSince(from: number, to: number): string {
  return `${((to - from) / 1000).toFixed(1)} s`
}
