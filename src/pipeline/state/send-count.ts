import type { Submission } from './submission.js'

/** How often a submission was sent: once, and again after each lookup that proved its absence. */
export function sendCountOf({ state, absences = 0 }: Submission): number {
  return state === 'ready' ? absences : absences + 1
}
