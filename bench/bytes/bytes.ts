import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Benchmark, BenchmarkContext, Row } from '../harness/benchmark.ts'
import { measureInChild, startServer } from '../harness/child-process.ts'
import { median, medianRatio, short, textOf, times } from '../harness/figures.ts'
import { unlessItFails } from '../harness/peers.ts'
import type { CopyCost, CopyTask } from './measure-copy.ts'
import type { DriveAccess, Places } from './places.ts'

const GIBIBYTE = 1_073_741_824
const TINY_BYTES = 20_000_000
const ROUNDS = 3
const MOST_GROWTH_MEGABYTES = 130

const own = (name: string) => new URL(`${name}.ts`, import.meta.url)
const peer = (name: string) => new URL(`../peers/bytes/${name}.ts`, import.meta.url)

const PIPE = own('node-pipe')
const FILE = own('node-file')

/** Ours: the floor that each is compared with, and the goal. */
const OURS = {
  'stream of a source': { copy: own('sora-stream'), floor: PIPE, mostRatio: 1.2 },
  directoryUploader: { copy: own('sora-directory'), floor: FILE, mostRatio: 1.15 },
  googleDriveUploader: { copy: own('sora-drive'), floor: PIPE, mostRatio: 1.4 },
  s3Uploader: { copy: own('sora-s3'), floor: PIPE, mostRatio: 1.4 },
} as const

/** Others, by the package that they need. */
const PEERS = {
  '@aws-sdk/lib-storage': peer('lib-storage'),
  ai: peer('ai'),
} as const

/** A video of 1 GiB that is read and sent on: CPU against a pipe of node:http, and growth of the memory. */
export const bytes: Benchmark = {
  name: 'bytes',
  async run(context) {
    const directory = mkdtempSync(join(tmpdir(), 'sora-pipeline-bench-'))
    const source = await startServer(own('video-source'))
    const sink = await startServer(own('byte-sink'))
    const drive = await startServer<DriveAccess>(own('drive'))
    try {
      const places: Places = {
        source: `${source.origin}/a.mp4`,
        sink: `${sink.origin}/sink`,
        s3: sink.origin,
        drive: { origin: drive.origin, ...(await drive.usage()).report },
        directory,
      }
      return await compare(places, context)
    } finally {
      await Promise.all([source.stop(), sink.stop(), drive.stop()])
      rmSync(directory, { recursive: true, force: true })
    }
  },
}

async function compare(places: Places, { isTiny, hasPeer, say }: BenchmarkContext): Promise<readonly Row[]> {
  const cost = async (name: string, copy: URL): Promise<CopyCost> => {
    const task: CopyTask = { copy: copy.href, places, bytes: isTiny ? TINY_BYTES : GIBIBYTE }
    const result = await measureInChild<CopyCost>(own('measure-copy'), task)
    say(`${name.padEnd(20)} ${short(result.cpuMs)} ms of CPU, RSS + ${short(result.growthMegabytes)} MB`)
    return result
  }
  const ours = new Map<string, CopyCost[]>()
  const floors = new Map<URL, CopyCost[]>()
  const note = <Key>(series: Map<Key, CopyCost[]>, key: Key, result: CopyCost) =>
    series.set(key, [...(series.get(key) ?? []), result])
  for (let round = 0; round < (isTiny ? 1 : ROUNDS); round += 1) {
    note(floors, PIPE, await cost('node:http pipe', PIPE))
    note(floors, FILE, await cost('pipe to a file', FILE))
    for (const [name, { copy }] of Object.entries(OURS)) note(ours, name, await cost(name, copy))
  }
  const cpuOf = (results: readonly CopyCost[] = []) => results.map(({ cpuMs }) => cpuMs)
  const others = new Map<string, CopyCost | undefined>()
  const beside = Object.entries(PEERS).filter(([name]) => hasPeer(name))
  for (const [name, copy] of [['fetch pipe', own('fetch-pipe')] as const, ...beside])
    others.set(name, await unlessItFails(name, cost(name, copy), say))
  const pipeMs = median(cpuOf(floors.get(PIPE)))
  const peers = textOf(others, ({ cpuMs }) => times(cpuMs / pipeMs))
  const growthOf = (results: readonly CopyCost[] = []) => Math.max(...results.map((result) => result.growthMegabytes))
  const growth = Math.max(...[...ours.values()].map(growthOf))
  return [
    ...Object.entries(OURS).map(([name, { floor, mostRatio }]): Row => {
      const ratio = medianRatio(cpuOf(ours.get(name)), cpuOf(floors.get(floor)))
      const floorText = `${floor === FILE ? 'pipe to a file' : 'node:http pipe'} ${short(median(cpuOf(floors.get(floor))))} ms`
      const met = { goal: `<= ${mostRatio}x`, isMet: ratio <= mostRatio }
      return { what: `5. CPU of 1 GiB: ${name}`, ours: times(ratio), ...met, floor: floorText, peers }
    }),
    {
      what: '5. RSS growth with 1 GiB, the largest of the four',
      ours: `${short(growth)} MB`,
      goal: `<= ${MOST_GROWTH_MEGABYTES} MB`,
      isMet: growth <= MOST_GROWTH_MEGABYTES,
      floor: `node:http pipe ${short(growthOf(floors.get(PIPE)))} MB`,
      peers: textOf(others, ({ growthMegabytes }) => `${short(growthMegabytes)} MB`),
    },
  ]
}
