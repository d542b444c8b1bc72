import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { type ScriptProcess, startScript } from '../stores/processes.js'
import { CHAINS, type ChainTask } from './chain-process.js'
import { type Commitment, type PaidProvider, startPaidProvider } from './paid-provider.js'
import { seededRandom } from './seeded-random.js'

const STORES = ['file', 'sqlite'] as const
const MODES = ['key', 'find'] as const
const RESTARTS = 40
const HOUR_MS = 3_600_000
const LEASE_MS = 400
const COMMITMENTS: readonly Commitment[] = ['at-once', 'late', 'never']
const seed = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000)

interface Toll {
  restarts: number
  kills: number
  stops: number
  closes: number
  runs: number
  creates: number
  /** The `creates` beyond the first of a run. */
  double: number
  lost: number
  /** Runs that gave out the video of another. */
  wrong: number
}

/** A store whose processes each have their own chain, and a last one that has both generators. */
async function playOut(
  world: {
    readonly a: PaidProvider
    readonly b: PaidProvider
    readonly directory: string
    readonly processes: ScriptProcess[]
  },
  {
    kind,
    mode,
    random,
  }: { readonly kind: (typeof STORES)[number]; readonly mode: (typeof MODES)[number]; readonly random: () => number },
): Promise<Toll> {
  const { a, b, directory, processes } = world
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
  const toll: Toll = { restarts: 0, kills: 0, stops: 0, closes: 0, runs: 0, creates: 0, double: 0, lost: 0, wrong: 0 }
  const runs: ChainTask['runs'][number][] = []
  const given: { readonly id: string; readonly url: string }[] = []
  const start = (chain: ChainTask['chain'], clockStepMs: number): ScriptProcess => {
    const store = { kind, place: join(directory, `${kind}-${mode}`) }
    const task: ChainTask = { chain, store, mode, a: a.origin, b: b.origin, clockStepMs, runs, leaseMs: LEASE_MS }
    const process = startScript('kill/chain-process.ts', task)
    processes.push(process)
    return process
  }
  const listen = (process: ScriptProcess) => {
    for (const told of process.told) {
      const { ended, url } = Object(told) as { readonly ended?: string; readonly url?: string }
      if (ended !== undefined && url !== undefined) given.push({ id: ended, url })
    }
  }
  let stopped: ScriptProcess | undefined
  for (let turn = 0; turn < RESTARTS; turn += 1) {
    const id = `${kind}-${mode}-${turn}`
    runs.push({ id, prompt: `The prompt of ${id}` })
    // One answer in three is lost at the provider that receives the request.
    const lost = runs[Math.floor(random() * 3 * runs.length)]
    if (lost)
      pick([a, b])
        .hold('create', lost.prompt, pick(COMMITMENTS))
        .catch(() => undefined)
    const clockStepMs = random() < 0.4 ? Math.round((random() * 2 - 1) * HOUR_MS) : 0
    const chain = pick(CHAINS)
    const process = start(chain, clockStepMs)
    const isReady = within(Promise.race([process.next((told) => Object(told).ready), process.ended]), () => [
      `${kind}, ${mode}: ${chain} of turn ${turn} is not ready`,
    ])
    isReady.catch(() => undefined) // Waited for below.
    // One that was stopped in the middle of a write has the database locked.
    await (stopped ? Promise.race([isReady, sleep(3000)]) : isReady)
    await Promise.race([sleep(random() * 900), process.ended])
    toll.restarts += 1
    // One that was stopped wakes while another has taken its runs over.
    if (stopped) {
      stopped.child.kill('SIGCONT')
      await sleep(random() * 300)
      await stopped.kill()
      listen(stopped)
      stopped = undefined
    }
    await isReady
    const end = random()
    if (process.child.exitCode !== null) {
      listen(process)
    } else if (end < 0.5) {
      await process.kill()
      listen(process)
      toll.kills += 1
    } else if (end < 0.75) {
      process.child.kill('SIGTERM')
      await Promise.race([process.ended, sleep(5000).then(() => process.kill())])
      listen(process)
      toll.closes += 1
    } else {
      process.child.kill('SIGSTOP')
      stopped = process
      toll.stops += 1
    }
  }
  await stopped?.kill()
  // Nothing ends the last process while it waits for an answer.
  for (const provider of [a, b]) provider.release()
  const last = start('fallback(a, b)', 0)
  await within(last.ended, () => {
    const ended = new Set(last.told.map((told) => Object(told).ended))
    return [
      `${kind}, ${mode}: the last process has not ended`,
      ...runs.map(({ id }) => id).filter((id) => !ended.has(id)),
    ]
  })
  listen(last)
  for (const { id, prompt } of runs) {
    const paid = a.paidFor(prompt) + b.paidFor(prompt)
    toll.runs += 1
    toll.creates += paid
    toll.double += Math.max(0, paid - 1)
    const urls = given.filter((one) => one.id === id).map(({ url }) => new URL(url))
    if (urls.length === 0) {
      toll.lost += 1
      console.error(
        `lost: ${id}`,
        last.told.find((told) => Object(told).ended === id),
      )
    }
    const isOf = ({ origin, pathname }: URL) => {
      const provider = origin === a.origin ? a : b
      return provider.promptOf(pathname.replace('/MP4/', '').replace('.mp4', '')) === prompt
    }
    if (!urls.every(isOf)) toll.wrong += 1
  }
  return toll
}

/** Rejects after four minutes with the awaited condition: every wait of this test ends long before. */
async function within<T>(promise: Promise<T>, open: () => readonly string[]): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(open().join('\n'))), 240_000)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

it('pays once, loses nothing and mixes nothing up while the chain changes at every restart', async () => {
  console.info(`seed ${seed}: KILL_SEED=${seed} repeats the choices`)
  const directory = await mkdtemp(join(tmpdir(), 'chains-'))
  const providers: PaidProvider[] = []
  const processes: ScriptProcess[] = []
  const total: Toll = { restarts: 0, kills: 0, stops: 0, closes: 0, runs: 0, creates: 0, double: 0, lost: 0, wrong: 0 }
  try {
    const worlds = STORES.flatMap((kind) => MODES.map((mode) => ({ kind, mode })))
    const play = async ({ kind, mode }: (typeof worlds)[number], index: number) => {
      const paid = { keys: mode === 'key', uploads: directory }
      const [a, b] = await Promise.all([startPaidProvider(paid), startPaidProvider(paid)])
      providers.push(a, b)
      return playOut({ a, b, directory, processes }, { kind, mode, random: seededRandom(seed + index) })
    }
    for (const toll of await Promise.all(worlds.map(play))) {
      for (const key of Object.keys(total) as (keyof Toll)[]) total[key] += toll[key]
    }
  } finally {
    await Promise.allSettled(processes.map((process) => process.kill()))
    await Promise.all(providers.map((provider) => provider.close()))
    await rm(directory, { recursive: true, force: true })
  }
  console.info(`changing chains: ${JSON.stringify(total)}`)
  expect(total).toMatchObject({ runs: total.creates, double: 0, lost: 0, wrong: 0 })
  expect(total.restarts).toBeGreaterThanOrEqual(150)
})
