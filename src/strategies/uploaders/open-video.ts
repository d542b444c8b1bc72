import type { VideoSource } from '../../contracts/source.js'
import type { StageContext } from '../../contracts/stage.js'
import { type VideoWindow, videoWindow } from './video-window.js'

/** A source that is open for one attempt to store it. */
export interface OpenVideo extends VideoWindow {
  /** The bytes of one part. */
  readonly partBytes: number
}

/**
 * Opens a source through a window with a signal of its own: to close it also ends a read under way, so that an attempt that failed
 * leaves nothing running beside the next one.
 */
export function openVideo(source: VideoSource, { signal, clock }: StageContext, partBytes: number): OpenVideo {
  const closed = new AbortController()
  const window = videoWindow(source, { signal: AbortSignal.any([signal, closed.signal]), clock, maxBytes: partBytes })
  return {
    ...window,
    partBytes,
    close() {
      window.close()
      closed.abort()
    },
  }
}
