import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ScriptProcess, startScript } from '../stores/processes.js'
import type { ServerKind } from '../stores/servers/open-server-store.ts'
import { startServer } from '../stores/servers/own-server.js'
import { type PaidProvider, startPaidProvider } from './paid-provider.js'
import type { QueueTask } from './queue-process.js'

/** What runs have to live through on a queue. */
export interface Siege {
  readonly kind: ServerKind
  readonly mode: QueueTask['mode']
  readonly runs: number
  /** Kills of workers and HTTP processes, at random. */
  readonly kills: number
  /** How often the server of queue and store dies and starts again. */
  readonly crashes: number
  /** Pause between kills, in milliseconds, at most. */
  readonly pauseMs: number
  /** Of queue and pipeline. */
  readonly times: Pick<QueueTask, 'pollMs' | 'leaseMs' | 'lockMs' | 'sweepMs'>
  readonly random: () => number
}

/** What came of it. */
export interface SiegeToll {
  readonly kills: number
  readonly crashes: number
  readonly runs: number
  /** Jobs that were paid for. */
  readonly creates: number
  /** Runs without a URL, with the reason. */
  readonly lost: readonly string[]
  /** How long runs waited that a killed worker had in hand, until another worker had them, in milliseconds, ascending. */
  readonly recoveriesMs: readonly number[]
  /** Errors that processes reported, by text. */
  readonly errors: ReadonlyMap<string, number>
}

const WORKERS = 3
const SERVERS = 2
const END_MS = Number(process.env.END_MS ?? 120_000)

interface Told {
  readonly ready?: number
  readonly begin?: string
  readonly end?: string
  readonly isAttended?: boolean
  readonly error?: string
}

/** One process of the queue, which is started again each time it is killed. */
class Member {
  readonly #start: () => ScriptProcess
  readonly #onLine: (told: Told) => void
  /** The runs that it has in hand. */
  readonly inHand = new Set<string>()
  port: number | undefined
  process: ScriptProcess
  isOver = false
  #seen = 0

  constructor(start: () => ScriptProcess, onLine: (told: Told) => void) {
    this.#start = start
    this.#onLine = onLine
    this.process = start()
    this.#watch()
  }

  /** Ends it at once and starts it again; returns the runs that it had in hand. */
  async kill(): Promise<readonly string[]> {
    const { process } = this
    await process.kill().catch(() => undefined) // It has just ended.
    return process === this.process ? this.#startAgain() : []
  }

  #startAgain(): readonly string[] {
    this.read()
    const had = [...this.inHand]
    this.inHand.clear()
    this.port = undefined
    this.process = this.#start()
    this.#seen = 0
    this.#watch()
    return had
  }

  /** Reads what it has reported since. */
  read(): void {
    const { told } = this.process
    for (; this.#seen < told.length; this.#seen += 1) {
      const line = told[this.#seen] as Told
      if (line.begin !== undefined) this.inHand.add(line.begin)
      if (line.end !== undefined) this.inHand.delete(line.end)
      this.#onLine(line)
    }
  }

  #watch(): void {
    const { process } = this
    // One that starts while the server is away fails, as others of its kind do, and is started again by what supervises it.
    process.ended.catch((error: unknown) => {
      const [first] = String(error).split('\n', 1)
      this.#onLine({ error: `ended: ${first}` })
      if (process === this.process && !this.isOver) setTimeout(() => this.#startAgain(), 200)
    })
    process
      .next((told) => Object(told).ready !== undefined)
      .then((told) => {
        if (process === this.process) this.port = (told as Told).ready
      })
      .catch(() => undefined) // It was killed before.
  }
}

/** Lets runs live through kills, and counts. Rejects when they do not come to their end in two minutes. */
export async function besiege(siege: Siege): Promise<SiegeToll> {
  const { kind, mode, runs, times, random } = siege
  const directory = await mkdtemp(join(tmpdir(), 'siege-'))
  const uploads = join(directory, 'uploads')
  const server = await startServer(kind)
  const provider = await startPaidProvider({ keys: mode === 'key', uploads, answerMs: 40 })
  const errors = new Map<string, number>()
  const recoveriesMs: number[] = []
  // Runs that a worker had in hand when it was killed, and when that was.
  const orphans = new Map<string, number>()
  const onLine = ({ end, isAttended, error }: Told) => {
    if (error !== undefined) errors.set(error, (errors.get(error) ?? 0) + 1)
    const since = end === undefined || isAttended ? undefined : orphans.get(end)
    if (end === undefined || since === undefined) return
    recoveriesMs.push(performance.now() - since)
    orphans.delete(end)
  }
  const task = { kind, place: server.place('siege'), origin: provider.origin, mode, uploads, ...times }
  const member = (role: QueueTask['role']) =>
    new Member(() => startScript('kill/queue-process.ts', { ...task, role } satisfies QueueTask), onLine)
  const workers = Array.from({ length: WORKERS }, () => member('worker'))
  const doors = Array.from({ length: SERVERS }, () => member('http'))
  const members = [...workers, ...doors]
  const reading = setInterval(() => {
    for (const each of members) each.read()
  }, 5)
  let crashes = 0
  let isOver = false

  const submit = async (index: number): Promise<string> => {
    const body = JSON.stringify({ prompt: promptOf(index), model: 'sora-2' })
    const headers = { 'content-type': 'application/json', 'idempotency-key': `key-${index}` }
    const { id } = await ask(doors, '/v1/videos', { method: 'POST', headers, body }, () => isOver)
    return String(id)
  }
  const ended = async (id: string): Promise<Record<string, unknown>> => {
    for (;;) {
      const video = await ask(doors, `/v1/videos/${id}`, {}, () => isOver)
      if (video.status === 'completed' || video.status === 'failed') return video
      await sleep(1000)
    }
  }
  const killing = async () => {
    for (let kills = 1; kills <= siege.kills; kills += 1) {
      await sleep(random() * siege.pauseMs)
      const victim = members[Math.floor(random() * members.length)]
      // A process that has not begun has nothing to lose.
      if (victim?.port === undefined) {
        kills -= 1
        continue
      }
      const had = await victim.kill()
      for (const id of had) orphans.set(id, performance.now())
      if (kills % Math.ceil(siege.kills / Math.max(1, siege.crashes)) === 0 && crashes < siege.crashes) {
        crashes += 1
        await server.crash()
      }
    }
  }
  try {
    const startsMs = siege.kills * siege.pauseMs * 0.7
    const killed = killing()
    const videos = Array.from({ length: runs }, async (_, index) => {
      await sleep((startsMs * index) / runs)
      return ended(await submit(index))
    })
    await killed
    const timeout = new AbortController()
    const late = sleep(END_MS, undefined, { signal: timeout.signal }).then(() => {
      throw new Error(`Could not end the runs: ${JSON.stringify([...errors])}`)
    })
    const all = await Promise.race([Promise.all(videos), late])
    timeout.abort()
    late.catch(() => undefined)
    const lost = await Promise.all(all.map((video, index) => faultOf(video, index, doors, provider)))
    return {
      kills: siege.kills,
      crashes,
      runs,
      creates: all.reduce((sum, _, index) => sum + provider.paidFor(promptOf(index)), 0),
      lost: lost.filter((fault) => fault !== undefined),
      recoveriesMs: recoveriesMs.sort((a, b) => a - b),
      errors,
    }
  } finally {
    isOver = true
    for (const each of members) each.isOver = true
    clearInterval(reading)
    await Promise.allSettled(members.map(({ process }) => process.kill()))
    await provider.close()
    await server.close()
    await rm(directory, { recursive: true, force: true })
  }
}

function promptOf(index: number): string {
  return `The prompt of run ${index}`
}

async function faultOf(
  { id, status, error }: Record<string, unknown>,
  index: number,
  doors: readonly Member[],
  provider: PaidProvider,
): Promise<string | undefined> {
  const paid = provider.paidFor(promptOf(index))
  if (status !== 'completed') return `run ${index} is ${status}, paid ${paid}: ${JSON.stringify(error)}`
  const port = await portOf(doors, () => false)
  const content = await fetch(`http://127.0.0.1:${port}/v1/videos/${id}/content`)
  const { byteLength } = await content.arrayBuffer()
  return byteLength === 200_024 ? undefined : `run ${index} gives ${byteLength} bytes with status ${content.status}`
}

/** The answer of any HTTP process; a request is sent again until one answers it. */
async function ask(
  doors: readonly Member[],
  path: string,
  init: RequestInit,
  isOver: () => boolean,
): Promise<Record<string, unknown>> {
  for (;;) {
    const port = await portOf(doors, isOver)
    try {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, init)
      const body = (await response.json()) as Record<string, unknown>
      if (response.ok) return body
      // The store is away, or the run was not saved yet.
      if (response.status < 500 && response.status !== 404 && response.status !== 409)
        throw new TypeError(JSON.stringify(body))
    } catch (error) {
      if (error instanceof TypeError && error.cause === undefined) throw error
    }
    await sleep(50)
  }
}

async function portOf(doors: readonly Member[], isOver: () => boolean): Promise<number> {
  for (let turn = Math.floor(Math.random() * doors.length); ; turn += 1) {
    if (isOver()) throw new Error('Could not ask: the siege is over')
    const port = doors[turn % doors.length]?.port
    if (port !== undefined) return port
    await sleep(10)
  }
}
