import type { HandlerSettings } from './handler-settings.js'
import type { Incoming, RequestTarget } from './incoming.js'
import type { SharedRequests } from './machines/shared-requests.js'
import type { BodyReading } from './requests/read-body.js'
import type { RepeatedRequests } from './routes/repeated-requests.js'
import type { RunPlaces } from './routes/run-places.js'
import type { VideoSources } from './routes/video-sources.js'
import type { VideoRunner } from './video-runner.js'
import type { OutgoingWebhooks } from './webhooks/outgoing-webhooks.js'

/** The input of every route. */
export interface Call {
  readonly request: Incoming
  readonly url: RequestTarget
  readonly owner: string
  readonly runner: VideoRunner
  readonly settings: HandlerSettings
  readonly webhooks: OutgoingWebhooks
  readonly sources: VideoSources
  readonly repeats: RepeatedRequests
  /** Requests of other processes; `undefined` without a store that keeps notes. */
  readonly elsewhere: SharedRequests | undefined
  readonly places: RunPlaces
  /** For an answer that is a stream: notes that its client has the answer or `error`, or left before it (`isCut`). */
  ending(): (error: unknown, isCut: boolean) => void
  /** How the bodies of all requests are read. */
  readonly bodies: BodyReading
}
