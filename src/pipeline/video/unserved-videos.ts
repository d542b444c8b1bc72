import { NoUsableUrlError } from '../../contracts/run-errors.js'
import type { VideoSource } from '../../contracts/source.js'

const MOST_KEPT = 20

/** Sources of videos that are only behind a key: a one-shot generator cannot be polled for its video again. */
export class UnservedVideos {
  readonly #sources = new Map<string, VideoSource>()

  /** Keeps the source of a run that ended in `NoUsableUrlError`, among the latest 20. */
  keep(id: string, error: unknown): void {
    // A later reader of the run must not replace the original source.
    if (!(error instanceof NoUsableUrlError) || this.#sources.has(id)) return
    this.#sources.set(id, error.source)
    const [oldest] = this.#sources.keys()
    if (this.#sources.size > MOST_KEPT && oldest !== undefined) this.#sources.delete(oldest)
  }

  get(id: string): VideoSource | undefined {
    return this.#sources.get(id)
  }

  delete(id: string): void {
    this.#sources.delete(id)
  }
}
