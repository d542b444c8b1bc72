import type { Clock } from '../../contracts/clock.js'
import type { VideoSource } from '../../contracts/source.js'
import type { VideoRunner } from '../video-runner.js'

/**
 * Sources of videos that are being fetched: players request one part after another, so the source is found only once.
 */
export interface VideoSources {
  find(id: string): Promise<VideoSource>
  /** The source no longer serves the video: it is searched for again. */
  forget(id: string): void
}

const KEPT_MS = 300_000
const MOST_KEPT = 100

/**
 * Creates the sources of a runner; each is kept for five minutes, at most a hundred in total. They hold no
 * connection.
 */
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
