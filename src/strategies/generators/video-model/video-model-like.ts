import type { JsonValue } from '../../../contracts/json.js'

/**
 * A video model of the AI SDK, `VideoModelV3` or `VideoModelV4`, by its shape: such as `fal.video('…')` of `@ai-sdk/fal`. No
 * package of the AI SDK is needed here.
 */
export interface VideoModelLike {
  /** `v3` or `v4`. */
  readonly specificationVersion: string
  /** Name of the provider, such as `fal.video`. */
  readonly provider: string
  /** Name of the model at the provider. */
  readonly modelId: string
  /** Generates in one call. Used only for a model without `doStart` and `doStatus`. */
  readonly doGenerate?: ((options: VideoModelCall) => PromiseLike<VideoModelResult>) | undefined
  /** Submits a job. */
  readonly doStart?: ((options: VideoModelStartCall) => PromiseLike<VideoModelStart>) | undefined
  /** Polls a job. */
  readonly doStatus?: ((options: VideoModelPoll) => PromiseLike<VideoModelStatus>) | undefined
}

/** What a model is called with. Every key is present; `undefined` means that the model decides. */
export interface VideoModelCall {
  /** What the video shows. */
  readonly prompt: string | undefined
  /** Number of videos: always 1. */
  readonly n: number
  /** Such as `16:9`. */
  readonly aspectRatio: `${number}:${number}` | undefined
  /** Such as `1280x720`. */
  readonly resolution: `${number}x${number}` | undefined
  /** Length in seconds. */
  readonly duration: number | undefined
  /** Frames per second: always `undefined`. */
  readonly fps: number | undefined
  /** Seed of the random numbers. */
  readonly seed: number | undefined
  /** First frame. */
  readonly image: VideoModelFile | undefined
  /** First and last frame, if there is a last one. */
  readonly frameImages: { image: VideoModelFile; frameType: 'first_frame' | 'last_frame' }[] | undefined
  /** Further images. */
  readonly inputReferences: VideoModelFile[] | undefined
  /** Whether to generate sound. */
  readonly generateAudio: boolean | undefined
  /** Options by the name of the provider. */
  readonly providerOptions: Record<string, VideoModelProviderOptions>
  /** Ends the call; the job continues at the provider. */
  readonly abortSignal: AbortSignal
  /** Headers of the request. */
  readonly headers: Record<string, string | undefined>
}

/** What `doStart` is called with. */
export interface VideoModelStartCall extends VideoModelCall {
  /** Address that the provider calls when the job changes; absent without the option `callback`. */
  readonly webhookUrl?: string
}

/** Options of one provider, as JSON. */
export type VideoModelProviderOptions = { [name: string]: VideoModelJson | undefined }

/** JSON in the form of the AI SDK, whose lists and objects can be written to. */
export type VideoModelJson = null | string | number | boolean | VideoModelProviderOptions | VideoModelJson[]

/** An image for a model. */
export type VideoModelFile =
  | { type: 'file'; mediaType: string; data: Uint8Array }
  | { type: 'url'; url: string; mediaType?: string }

/** What `doStatus` is called with. */
export interface VideoModelPoll {
  /** The operation of `doStart`. */
  readonly operation: VideoModelJson
  /** Ends the call. */
  readonly abortSignal: AbortSignal
  /** Headers of the request. */
  readonly headers: Record<string, string | undefined>
}

/** Where a model put a video. */
export type VideoModelVideo =
  | { readonly type: 'url'; readonly url: string; readonly mediaType: string }
  | { readonly type: 'base64'; readonly data: string; readonly mediaType: string }
  | { readonly type: 'binary'; readonly data: Uint8Array; readonly mediaType: string }
  /** At a destination that the caller configured at the provider. */
  | { readonly type: 'uploaded'; readonly mediaType: string }

/** Result of `doGenerate`, and of `doStatus` at the end. */
export interface VideoModelResult {
  /** The videos; the first usable one is taken. */
  readonly videos: readonly VideoModelVideo[]
  /** What the model did not support. */
  readonly warnings?: readonly unknown[] | undefined
  /** Facts by the name of the provider. */
  readonly providerMetadata?: Readonly<Record<string, unknown>> | undefined
}

/** Result of `doStart`. */
export interface VideoModelStart {
  /** JSON that is enough to poll the job. */
  readonly operation: JsonValue
  /** What the model did not support. */
  readonly warnings?: readonly unknown[] | undefined
}

/** Result of `doStatus`. */
export type VideoModelStatus =
  | { readonly status: 'pending'; readonly providerMetadata?: Readonly<Record<string, unknown>> | undefined }
  | ({ readonly status: 'completed' } & VideoModelResult)
  | { readonly status: 'error'; readonly error: string }
