/** A pipeline in the shape of the AI SDK's `VideoModelV4`. */
export interface PipelineVideoModel {
  readonly specificationVersion: 'v4'
  /** Always `sora-pipeline`. */
  readonly provider: string
  readonly modelId: string
  /** Always 1: further videos are further runs. */
  readonly maxVideosPerCall: number
  /**
   * Starts a run, or joins the run of the same `idempotency-key`. Resolves when the run is saved.
   * @throws InvalidRequestError when the call cannot be a request, and every error of `run`.
   */
  doStart(options: PipelineVideoModelCall): Promise<PipelineVideoModelStart>
  /** The status of a run; a run that no live process works on is resumed here. */
  doStatus(options: {
    readonly operation: unknown
    readonly abortSignal?: AbortSignal | undefined
  }): Promise<PipelineVideoModelStatus>
}

/** What the AI SDK calls a model with. */
export interface PipelineVideoModelCall {
  /** What the video shows. */
  readonly prompt: string | undefined
  /** Number of videos: 1. */
  readonly n: number
  /** Such as `16:9`. */
  readonly aspectRatio: string | undefined
  /** Such as `1280x720`. */
  readonly resolution: string | undefined
  /** Length in seconds. */
  readonly duration: number | undefined
  /** Frames per second; a warning, because a request has no such field. */
  readonly fps: number | undefined
  /** Seed of the random numbers. */
  readonly seed: number | undefined
  /** First frame. */
  readonly image: PipelineVideoModelFile | undefined
  /** First and last frame. */
  readonly frameImages: readonly { readonly image: PipelineVideoModelFile; readonly frameType: string }[] | undefined
  /** Further images, a video or a sound. */
  readonly inputReferences: readonly PipelineVideoModelFile[] | undefined
  /** Whether to generate sound. */
  readonly generateAudio: boolean | undefined
  /** Of `sora-pipeline`: further fields of the request, such as `style`, and its own `providerOptions`. */
  readonly providerOptions: Readonly<Record<string, unknown>>
  /** Ends the wait; the run continues. */
  readonly abortSignal?: AbortSignal | undefined
  /** The id of the run is its `idempotency-key`. */
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined
  /** A warning: a run is polled. */
  readonly webhookUrl?: string | undefined
}

/** An input of a call. */
export type PipelineVideoModelFile =
  | { readonly type: 'file'; readonly mediaType: string; readonly data: string | Uint8Array }
  | { readonly type: 'url'; readonly url: string; readonly mediaType?: string | undefined }

/** A video for the AI SDK. */
export type PipelineVideo =
  | { type: 'url'; url: string; mediaType: string }
  | { type: 'binary'; data: Uint8Array; mediaType: string }
  | { type: 'uploaded'; mediaType: string }

/** A warning for the AI SDK. */
export type PipelineVideoModelWarning =
  | { type: 'unsupported'; feature: string; details: string }
  | { type: 'other'; message: string }

/** JSON in the form of the AI SDK. */
export type PipelineVideoModelJson =
  | null
  | string
  | number
  | boolean
  | PipelineVideoModelJson[]
  | { [name: string]: PipelineVideoModelJson | undefined }

/** When and by which model an answer was given. */
export interface PipelineVideoModelResponse {
  timestamp: Date
  modelId: string
  headers: undefined
}

/** Facts of `sora-pipeline`. */
export type PipelineVideoModelMetadata = Record<string, { [name: string]: PipelineVideoModelJson | undefined }>

/** Result of `doStart`. */
export interface PipelineVideoModelStart {
  /** Id of the run. */
  operation: { runId: string }
  warnings: PipelineVideoModelWarning[]
  providerMetadata: PipelineVideoModelMetadata
  response: PipelineVideoModelResponse
}

/** Result of `doStatus`. */
export type PipelineVideoModelStatus =
  | { status: 'pending'; providerMetadata: PipelineVideoModelMetadata; response: PipelineVideoModelResponse }
  | {
      status: 'completed'
      videos: PipelineVideo[]
      warnings: PipelineVideoModelWarning[]
      /** Of `sora-pipeline`: `runId`, `url`, `servedBy`, `isDegraded`, `attempts`. */
      providerMetadata: PipelineVideoModelMetadata
      response: PipelineVideoModelResponse
    }
  | {
      status: 'error'
      error: string
      providerMetadata: PipelineVideoModelMetadata
      response: PipelineVideoModelResponse
    }
