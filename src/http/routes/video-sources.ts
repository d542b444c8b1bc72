import type { Clock } from '../../contracts/clock.js'
import type { VideoSource } from '../../contracts/source.js'
import type { VideoRunner } from '../video-runner.js'

/** Sources of videos that somebody fetches: players ask for part after part, and need not find the place anew each time. */
export interface VideoSources {
  find(id: string): Promise<VideoSource>
  /** The place does not serve the video any more: it is looked for anew. */
  forget(id: string): void
}

const KEPT_MS = 300_000
const MOST_KEPT = 100

/** Makes the sources of a runner; each is kept for five minutes, and the latest hundred at the most. They hold no connection. */
export function videoSources(runner: VideoRunner, clock: Clock): VideoSources {
  const kept = new Map<string, { readonly source: VideoSource; readonly until: number }>()
  return {
    async find(id) {
      const known = kept.get(id)
      if (known !== undefined && known.until > clock.now()) return known.source
      const source = await runner.openVideo(id)
      kept.delete(id)
      kept.set(id, { source, until: clock.now() + KEPT_MS })
      const [oldest] = kept.keys()
      if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest)
      return source
    },
    forget: (id) => void kept.delete(id),
  }
}
