import { residentBytes } from '../harness/resident-bytes.ts'
import type { CopyVideo, Places } from './places.ts'

/** What to copy, and with which file's `copyVideo`. */
export interface CopyTask {
  readonly copy: string
  readonly places: Places
  readonly bytes: number
}

/** What a copy took. */
export interface CopyCost {
  readonly cpuMs: number
  /** Peak of the resident memory above that of the process before it copied anything. */
  readonly growthMegabytes: number
}

// Large enough for an upload in two parts.
const WARM_UP_BYTES = 16_777_216

export async function measure({ copy, places, bytes }: CopyTask): Promise<CopyCost> {
  const { copyVideo } = (await import(copy)) as { readonly copyVideo: CopyVideo }
  const of = (length: number): Places => ({ ...places, source: `${places.source}?bytes=${length}` })
  const residentBefore = await residentBytes()
  await copyVideo(of(WARM_UP_BYTES))
  let mostResident = residentBefore
  const sampling = setInterval(() => {
    mostResident = Math.max(mostResident, process.memoryUsage.rss())
  }, 10)
  const before = process.cpuUsage()
  await copyVideo(of(bytes))
  const { user, system } = process.cpuUsage(before)
  mostResident = Math.max(mostResident, process.memoryUsage.rss())
  clearInterval(sampling)
  return { cpuMs: (user + system) / 1000, growthMegabytes: (mostResident - residentBefore) / 1e6 }
}
