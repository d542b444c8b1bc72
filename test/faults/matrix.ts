import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from 'node:util'
import type { PipelineEvent } from 'sora-pipeline'
import { ANSWER_FAULTS } from './answer-faults.ts'
import type { Cell, CellReport } from './cell.ts'
import { CHAT_FAULTS } from './chat-faults.ts'
import type { Fault, FaultStage } from './fault.ts'
import { JOB_FAULTS } from './job-faults.ts'
import { LIST_FAULTS } from './list-faults.ts'
import { atModel } from './model-faults.ts'
import { SPECIAL_CELLS } from './special-cells.ts'
import { STAGES } from './stages.ts'
import { STATUS_FAULTS } from './status-faults.ts'
import { TRANSPORT_FAULTS } from './transport-faults.ts'
import { VIDEO_FAULTS } from './video-faults.ts'
import { CANARIES, type Played, startWorld, type World } from './world.ts'

/** No cell may take longer, in milliseconds: its own deadlines are far below. */
export const CELL_MS = 15_000
const AT_ONCE = 16
const NO_FAULT: Fault = { row: 0, name: 'none', does: ({ healthy }) => healthy, expected: {} }

/** Every cell. */
export function cells(): readonly Cell[] {
  const faults: readonly Fault[] = [
    ...[...TRANSPORT_FAULTS, ...STATUS_FAULTS].map(atModel),
    ...JOB_FAULTS,
    ...ANSWER_FAULTS,
    ...LIST_FAULTS,
    ...CHAT_FAULTS,
    ...VIDEO_FAULTS,
  ]
  const wire = faults.flatMap((fault) =>
    Object.entries(fault.expected).map(([stage, expected]) => ({
      row: fault.row,
      fault: fault.name,
      stage,
      expected,
      play: (world: World) => STAGES[stage as FaultStage](world, fault),
    })),
  )
  return [...wire, ...SPECIAL_CELLS].sort((a, b) => a.row - b.row)
}

/** Plays cells, some at a time, each in its own world. An unhandled rejection is the last report's. */
export async function playCells(all: readonly Cell[]): Promise<readonly CellReport[]> {
  const reports: CellReport[] = []
  const rejections: unknown[] = []
  const onRejection = (reason: unknown) => rejections.push(reason)
  process.on('unhandledRejection', onRejection)
  const queue = spread([...all.entries()]).values()
  const work = async () => {
    for (const [index, cell] of queue) {
      await calm()
      reports[index] = await playCell(cell)
    }
  }
  // Loading and compiling at first use does not count against the limits of a cell.
  await playCell({ row: 0, fault: '', stage: '', expected: '', play: (world) => STAGES.download(world, NO_FAULT) })
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  process.off('unhandledRejection', onRejection)
  const last = reports.at(-1)
  if (rejections.length > 0 && last) {
    const problems = rejections.map((reason) => `nobody handled a rejection: ${inspect(reason)}`)
    reports[reports.length - 1] = { ...last, problems: [...last.problems, ...problems] }
  }
  return reports
}

/** Cells that are alike, and dear in the same way, come far apart. */
function spread<T>(items: readonly T[]): readonly T[] {
  return Array.from({ length: AT_ONCE }, (_, first) => items.filter((_item, index) => index % AT_ONCE === first)).flat()
}

/** Waits while the machine is too busy to begin something new, at most half a second. */
async function calm(): Promise<void> {
  for (let tries = 0; tries < 10; tries += 1) {
    const startedAt = performance.now()
    await delay(10)
    if (performance.now() - startedAt < 40) return
  }
}

async function playCell({ play, ...cell }: Cell): Promise<CellReport> {
  const world = await startWorld()
  const startedAt = performance.now()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<{ outcome: string; played?: Played }>((resolve) => {
    timer = setTimeout(resolve, CELL_MS, { outcome: `not over within ${CELL_MS} ms` })
  })
  try {
    const { played, outcome } = await Promise.race([play(world), late])
    const realMs = performance.now() - startedAt
    const problems = [...(played ? problemsOf(played) : []), ...leaks(world)]
    return { ...cell, outcome, problems, realMs }
  } catch (error) {
    return {
      ...cell,
      outcome: `the cell threw: ${inspect(error)}`,
      problems: [],
      realMs: performance.now() - startedAt,
    }
  } finally {
    clearTimeout(timer)
    await world.close()
  }
}

function problemsOf({ error, events, result }: Played): readonly string[] {
  const shown = `${inspect([error, result], { depth: 12, showHidden: true })}${JSON.stringify([error, events, result])}`
  const isTerminal = ({ type }: PipelineEvent) => type === 'run-completed' || type === 'run-failed'
  const ratios = new Map<string, number>()
  const wentBack = events.some((event) => {
    if (event.type !== 'stage-progressed' || event.ratio === undefined) return false
    const { ratio } = event
    const before = ratios.get(`${event.stage} ${event.strategy}`) ?? 0
    ratios.set(`${event.stage} ${event.strategy}`, ratio)
    return !(ratio >= before && ratio <= 1)
  })
  return [
    ...Object.values(CANARIES).flatMap((key) => (shown.includes(key) ? ['a key came out'] : [])),
    ...(wentBack ? ['a ratio went back or past its ends'] : []),
    ...(events.some(({ sequence }, index) => sequence !== index) ? ['the sequence of events has a gap'] : []),
    ...(events.filter(isTerminal).length === 1 && events.slice(-1).every(isTerminal) ? [] : ['not one terminal event']),
    ...(error !== undefined && !(error instanceof Error) ? ['the error is none'] : []),
  ]
}

/** Keys that went to another origin, and requests to a host that is not allowed. */
function leaks(world: World): readonly string[] {
  const strangers = ['cdn', 'mirror', 'target', 'secret', 'nobody'].flatMap((name) => world.seen(name))
  const isSeenBy = (requests: readonly { readonly headers: object; readonly path: string }[], key: string) =>
    requests.some(({ headers, path }) => JSON.stringify([headers, path]).includes(key))
  // Where the address of the API itself leads nowhere, what listens there is the API.
  const own = strangers.filter((request) => !world.seen('nobody').includes(request))
  return [
    ...(Object.values(CANARIES).some((key) => isSeenBy(own, key)) ? ['a key went to another origin'] : []),
    ...(isSeenBy(world.seen('first'), CANARIES.second) ? ['a key went to another generator'] : []),
    ...(isSeenBy(world.seen('second'), CANARIES.first) ? ['a key went to another generator'] : []),
    ...(world.seen('secret').length > 0 ? ['a private host was reached'] : []),
  ]
}
