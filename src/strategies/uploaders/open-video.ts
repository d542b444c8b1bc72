import type { VideoSource } from '../../contracts/source.js'
import type { StageContext } from '../../contracts/stage.js'
import { type VideoWindow, type VideoWindowOptions, videoWindow } from './video-window.js'

/** A source that is open for one attempt to store it. */
export interface OpenVideo extends VideoWindow {
  /** The bytes of one part. */
  readonly partBytes: number
}

/** Opens a source through a window, for one attempt. An attempt that failed closes it, and nothing runs beside the next one. */
export function openVideo(
  source: VideoSource,
  { signal, clock }: StageContext,
  partBytes: number,
  algorithm?: VideoWindowOptions['algorithm'],
): OpenVideo {
  return { ...videoWindow(source, { signal, clock, maxBytes: partBytes, algorithm }), partBytes }
}
