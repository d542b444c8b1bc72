import type { FaultHandler } from 'sora-pipeline/testing'
import type { Fault, Place } from './fault.ts'
import type { Played, World } from './world.ts'

/** How often a route is faulty. */
export type Often = 'once' | 'always'

/** The place of a healthy answer, and the addresses around it. */
export function placeOf(world: World, place: Omit<Place, 'elsewhere' | 'secret'> & { readonly path: string }): Place {
  const elsewhere = `${world.origin('cdn')}${place.path}`
  return { ...place, elsewhere, secret: `${world.origin('secret')}/a.mp4` }
}

/** The handlers of a route with a fault. */
export function handlersOf({ does }: Fault, place: Place, often: Often): FaultHandler[] {
  if (typeof does === 'string') return [place.healthy]
  return often === 'once' ? [does(place), place.healthy] : [does(place)]
}

/** The origin of a fault that has no server. */
export function lostOrigin(world: World, { does }: Fault): Promise<string> | undefined {
  return typeof does === 'string' ? world.originOf(does) : undefined
}

/** A fetch that goes to another origin for the first calls that are meant. */
export function leadAstray(
  origin: string,
  times: number,
  isMeant: (method: string, path: string) => boolean,
): typeof fetch {
  let left = times
  return (input, init) => {
    const url = new URL(String(input))
    if (!isMeant(init?.method ?? 'GET', url.pathname) || left === 0) return fetch(url, init)
    left -= 1
    return fetch(new URL(url.pathname, origin), init)
  }
}

/** An outcome without a word. */
export function describe(
  { result, code, error, isStoredWhole, stored }: Played,
  counts: Readonly<Record<string, number>> = {},
): string {
  const end = result
    ? `completed by ${result.servedBy}${result.isDegraded ? ', degraded' : ''}${isStoredWhole ? ', whole' : ''}`
    : `failed with ${code ?? String(error)} (${stored})`
  return [end, ...Object.entries(counts).map(([name, count]) => `${count} ${name}`)].join(', ')
}
