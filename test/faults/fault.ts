import type { FaultHandler } from 'sora-pipeline/testing'

/** The answer of a healthy server, and the addresses that can lead a client astray. */
export interface Place {
  readonly healthy: FaultHandler
  /** Body of the healthy answer, whole. */
  readonly body: Uint8Array
  readonly mediaType: string
  /** Address of the healthy answer on another origin that may be reached. */
  readonly elsewhere: string
  /** Address on a private host that is not allowed. */
  readonly secret: string
}

/** Addresses without a server, or without a trusted one. */
export type Unreachable = 'refused' | 'no-such-name' | 'self-signed' | 'expired' | 'wrong-host' | 'no-tls'

/** Where a fault happens, and how often: once, or `-always`. */
export type FaultStage =
  | 'create'
  | 'create-retry'
  | 'create-key'
  | 'poll'
  | 'poll-always'
  | 'download'
  | 'download-always'
  | 'probe'
  | 'probe-always'
  | 'source'
  | 'source-always'
  | 'target'
  | 'target-always'
  | 'publish'
  | 'find'
  | 'chat'
  | 'model'
  | 'model-poll'

/** One fault on the wire, and what is expected of the pipeline wherever it applies. */
export interface Fault {
  /** Number in the fault catalogue. */
  readonly row: number
  readonly name: string
  readonly does: ((place: Place) => FaultHandler) | Unreachable
  /** Milliseconds for the generation. @defaultValue 20000 where the deadline is expected to end it, else 250000 */
  readonly generateMs?: number
  /** How many times faster the clock of the run goes. @defaultValue `SPEED` */
  readonly speed?: number
  /** By hand, from the requirements of the catalogue; the words are those of the stages. */
  readonly expected: Partial<Readonly<Record<FaultStage, string>>>
}
