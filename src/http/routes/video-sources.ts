import type { Clock } from '../../contracts/clock.js'
import type { VideoSource, VideoVariant } from '../../contracts/source.js'
import type { VideoRunner } from '../video-runner.js'

/**
 * Sources of videos that are being fetched: players request one part after another, so the source is found only once.
 */
export interface VideoSources {
  find(id: string, variant: 'video' | VideoVariant): Promise<VideoSource>
  /** The source no longer serves it: it is searched for again. */
  forget(id: string, variant: 'video' | VideoVariant): void
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
    async find(id, variant) {
      const key = keyOf(id, variant)
      const known = kept.get(key)
      if (known !== undefined && known.until > clock.now()) return known.source
      const source = variant === 'video' ? await runner.openVideo(id) : await runner.openVideo(id, { variant })
      kept.delete(key)
      kept.set(key, { source, until: clock.now() + KEPT_MS })
      const [oldest] = kept.keys()
      if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest)
      return source
    },
    forget: (id, variant) => void kept.delete(keyOf(id, variant)),
  }
}

function keyOf(id: string, variant: string): string {
  return `${variant} ${id}`
}
