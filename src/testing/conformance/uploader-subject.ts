import type { Uploader } from '../../contracts/uploader.js'
import type { ConformanceSubject, StrategyConformanceOptions } from './conformance-suite.js'

/** An uploader under test. */
export interface UploaderSubject extends ConformanceSubject {
  /** The uploader under test. */
  readonly uploader: Uploader
  /** The bytes at a URL that the uploader gave. With it, what is stored is compared byte by byte. */
  read?(url: string): Promise<Uint8Array>
  /** Everything that the store shows. With it, a failed upload is shown to leave nothing. */
  list?(): Promise<readonly string[]>
  /** Public address of the sources, for an uploader that hands the address on. */
  readonly sourceUrl?: string | undefined
}

/** What `uploaderConformance` takes. */
export interface UploaderConformanceOptions extends StrategyConformanceOptions<UploaderSubject> {
  /**
   * Whether the uploader reads the source or hands its public address on; the second leaves out the cases about bytes.
   * @defaultValue `'bytes'`
   */
  readonly takes?: 'bytes' | 'url' | undefined
  /**
   * Sizes in bytes that are stored and read back, each in a case of its own; whole numbers above 0, any other number is
   * refused.
   * @defaultValue `[1, 65_536, 1_000_003]`
   */
  readonly sizes?: readonly number[] | undefined
}
