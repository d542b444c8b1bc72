import type { HandlerOptions } from '../handler-options.js'
import type { HandlerSettings } from '../handler-settings.js'
import { type RepeatedRequests, repeatedRequests } from '../routes/repeated-requests.js'
import { type RunPlaces, runPlaces } from '../routes/run-places.js'
import type { VideoRunner } from '../video-runner.js'
import { type OutgoingWebhooks, outgoingWebhooks } from '../webhooks/outgoing-webhooks.js'
import { sharedStoreOf } from './shared-notes.js'
import { sharedPlaces } from './shared-places.js'
import { type SharedRequests, sharedRequests } from './shared-requests.js'

/** What the handlers over one store know together. */
export interface SharedParts {
  readonly webhooks: OutgoingWebhooks
  readonly repeats: RepeatedRequests
  /** `undefined` without a store that keeps notes. */
  readonly elsewhere: SharedRequests | undefined
  readonly places: RunPlaces
}

/** Keeps in the store of the runner what all its processes must know; in the memory of this one if the store keeps no notes. */
export function sharedParts(runner: VideoRunner, options: HandlerOptions, settings: HandlerSettings): SharedParts {
  const { repeatWindowMs: windowMs, maxRunsPerOwner, clock, onError } = settings
  const shared = sharedStoreOf(runner)
  const isLimited = maxRunsPerOwner !== Number.POSITIVE_INFINITY
  return {
    webhooks: outgoingWebhooks(runner, options, { shared, onError }),
    repeats: repeatedRequests({ windowMs, clock }),
    elsewhere: shared && windowMs > 0 ? sharedRequests(shared, { windowMs, clock }) : undefined,
    places: shared && isLimited ? sharedPlaces(maxRunsPerOwner, shared, clock) : runPlaces(maxRunsPerOwner),
  }
}
