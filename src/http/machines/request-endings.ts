import type { Incoming } from '../incoming.js'
import type { RepeatedRequests } from '../routes/repeated-requests.js'
import type { SharedRequests } from './shared-requests.js'

/** Notes how requests end, at this process and for the others. */
export function requestEndings(repeats: RepeatedRequests, elsewhere: SharedRequests | undefined) {
  return {
    /** It was answered, or failed with `error`. */
    ended(request: Incoming, error?: unknown): void {
      const state = repeats.end(request, error)
      elsewhere?.end(request, state)
    },
    /** For a stream, which does not hold the request: its client has the answer or `error`, or left before it (`isCut`). */
    endingOf(request: Incoming): (error: unknown, isCut: boolean) => void {
      const [here, there] = [repeats.ending(request), elsewhere?.ending(request)]
      return (error, isCut) => {
        const state = here(error, isCut)
        there?.(state)
      }
    },
  }
}
