/** How the outcome of an unknown submission can be found. */
export interface SubmissionSupport {
  /** `key`: the upstream returns the same job for the same idempotency key. */
  readonly idempotency: 'key' | 'none'
  /** How `find` recognises the job. */
  readonly lookup: 'key' | 'fingerprint' | 'none'
  /**
   * Milliseconds from 0 after which an accepted job is certain to be listed. `find` is called 2, 10 and 30 seconds after the
   * outcome became unknown as well: a job that it finds is taken at once, but only after `settleMs` does an empty result prove
   * that nothing was accepted.
   * @defaultValue `30_000` (30 s)
   */
  readonly settleMs?: number | undefined
  /**
   * Whether `start` passes `callbackUrl` of its context to the upstream, which calls it when the job changes. The suite
   * `generatorConformance` checks it.
   * @defaultValue `false`
   */
  readonly callback?: boolean | undefined
}
