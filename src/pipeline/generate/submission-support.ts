import type { Generator, TaskGenerator } from '../../contracts/generator.js'

type Keyed = { readonly isKeyed?: boolean | undefined }

/** A generator that can look up its jobs. */
export type Finder = TaskGenerator & Required<Pick<TaskGenerator, 'find'>>

/** Whether a generator declares that its upstream honours idempotency keys. */
export function honoursKeys(generator: Generator): boolean {
  return 'start' in generator && generator.submission?.idempotency === 'key'
}

/**
 * Whether a submission may be sent again under its key. A deploy may have added keys to the generator since: the upstream does not
 * know the key of the first send.
 */
export function isKeyed(generator: Generator, submission: Keyed): boolean {
  return honoursKeys(generator) && submission.isKeyed !== false
}

/** Whether a generator can look up its jobs. */
export function hasFind(generator: Generator): generator is Finder {
  return 'start' in generator && generator.find !== undefined && (generator.submission?.lookup ?? 'none') !== 'none'
}

/** Whether a generator can find out the outcome of a submission. */
export function canReconcile(generator: Generator, submission: Keyed): generator is TaskGenerator {
  return isKeyed(generator, submission) || hasFind(generator)
}

/** Whether its outcome is found out without sending the submission again. */
export function canLookUp(generator: Generator, submission: Keyed): boolean {
  return !isKeyed(generator, submission) && hasFind(generator)
}
