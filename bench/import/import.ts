import type { Benchmark, BenchmarkContext, Row } from '../harness/benchmark.ts'
import { measureInChild } from '../harness/child-process.ts'
import { median, medianRatio, short, textOf, times } from '../harness/figures.ts'
import { type BundleSize, bundleSize } from './bundle-size.ts'
import { installedSize } from './installed-size.ts'
import type { ImportTask } from './time-import.ts'

const MOST_MS = 25
// 25 ms on the machine of the goals, where the import of fal took 15 ms.
const MOST_OF_FAL = 25 / 15
const MOST_KILOBYTES = 20
const ROUNDS = 9

const OWN = new URL('load-sora.ts', import.meta.url)
const PEER = new URL('../peers/import/load-peer.ts', import.meta.url)

/** What others export for the same work, by package. */
const PEERS = {
  '@fal-ai/client': "export { createFalClient } from '@fal-ai/client'",
  openai: "export { OpenAI } from 'openai'",
  ai: "export { experimental_generateVideo } from 'ai'",
} as const

/** Time and size of `import { SoraPipeline } from 'sora-pipeline'`, and size of the installed package. */
export const weight: Benchmark = {
  name: 'import',
  async run(context) {
    const peers = Object.keys(PEERS).filter(context.hasPeer) as (keyof typeof PEERS)[]
    const series = await timesOf(peers, context)
    return [timeRow(series), firstRunRow(series), ...(await sizeRows(peers)), installedRow()]
  },
}

type Times = ReadonlyMap<string, readonly number[]>

async function timesOf(peers: readonly string[], { isTiny, say }: BenchmarkContext): Promise<Times> {
  const times = new Map<string, number[]>()
  for (let round = 0; round < (isTiny ? 1 : ROUNDS); round += 1) {
    for (const name of ['empty', 'sora-pipeline', 'first-run', ...peers]) {
      const task: ImportTask = { loader: (peers.includes(name) ? PEER : OWN).href, name }
      const ms = await measureInChild<number>(new URL('time-import.ts', import.meta.url), task)
      times.set(name, [...(times.get(name) ?? []), ms])
    }
  }
  for (const [name, series] of times) say(`${name.padEnd(16)} ${short(median(series))} ms`)
  return times
}

function timeRow(series: Times): Row {
  const ours = series.get('sora-pipeline') ?? []
  const fal = series.get('@fal-ai/client')
  const ratio = fal && medianRatio(ours, fal)
  const text = (name: string) => `${short(median(series.get(name) ?? []))} ms`
  const others = [...series.keys()].filter((name) => name in PEERS)
  return {
    what: '8. Time of import { SoraPipeline }',
    ours: `${text('sora-pipeline')}${ratio === undefined ? '' : `, ${times(ratio)} of fal`}`,
    goal: ratio === undefined ? `<= ${MOST_MS} ms` : `<= ${times(MOST_OF_FAL)} of fal`,
    isMet: ratio === undefined ? median(ours) <= MOST_MS : ratio <= MOST_OF_FAL,
    floor: `an empty module ${text('empty')}`,
    peers: Object.fromEntries(others.map((name) => [name, text(name)])),
  }
}

function firstRunRow(series: Times): Row {
  const ms = median(series.get('first-run') ?? [])
  return { what: '8. The same with the first run, which loads the rest', ours: `${short(ms)} ms` }
}

async function sizeRows(peers: readonly (keyof typeof PEERS)[]): Promise<readonly Row[]> {
  const ours = await bundleSize("export { SoraPipeline } from 'sora-pipeline'", 'bench')
  const others = new Map<string, BundleSize>()
  for (const name of peers) others.set(name, await bundleSize(PEERS[name], 'bench/peers'))
  const row = (what: string, part: keyof BundleSize): Row => {
    const text = (size: BundleSize) => `${short(size[part] / 1000)} KB`
    return {
      what,
      ours: text(ours),
      goal: `<= ${MOST_KILOBYTES} KB`,
      isMet: ours[part] <= MOST_KILOBYTES * 1000,
      peers: textOf(others, text),
    }
  }
  return [
    row('8. Size of import { SoraPipeline } at once, min + gzip', 'eager'),
    row('8. The same with all that its first run loads', 'whole'),
  ]
}

function installedRow(): Row {
  const { own, whole } = installedSize()
  const text = (bytes: number) => `${short(bytes / 1e6)} MB`
  return { what: '8. Installed size with its dependencies', ours: `${text(whole)}, of it ${text(own)} the package` }
}
