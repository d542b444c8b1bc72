import type { Uploader } from '../../contracts/uploader.js'
import type { ConformanceSubject, StrategyConformanceOptions } from './conformance-suite.js'

/** An uploader under test. */
export interface UploaderSubject extends ConformanceSubject {
  /** The uploader under test. */
  readonly uploader: Uploader
  /** The bytes at a URL that the uploader returned. With it, the suite compares the stored bytes. */
  read?(url: string): Promise<Uint8Array>
  /** Everything in the store. With it, the suite checks that a failed upload leaves nothing. */
  list?(): Promise<readonly string[]>
  /** Public address of the sources, for an uploader that passes the address on. */
  readonly sourceUrl?: string | undefined
}

/** Options of `uploaderConformance`. */
export interface UploaderConformanceOptions extends StrategyConformanceOptions<UploaderSubject> {
  /**
   * Whether the uploader reads the source or passes its public address on; the latter omits the cases about bytes.
   * @defaultValue `'bytes'`
   */
  readonly takes?: 'bytes' | 'url' | undefined
  /**
   * Sizes in bytes that are stored and read back, each in its own case; whole numbers above 0, any other number is
   * refused.
   * @defaultValue `[1, 65_536, 1_000_003]`
   */
  readonly sizes?: readonly number[] | undefined
}
