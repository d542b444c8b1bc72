import type { JsonValue } from '../contracts/json.js'
import type { SandboxDrive } from './drive/sandbox-drive.js'
import type { FaultPlans, SandboxEndpoint } from './fault.js'
import type { SandboxProviderName } from './providers/provider-fake.js'
import type { SandboxRequest } from './sandbox-request.js'
import type { SpaceDialect } from './space/space-schema.js'

/** Upstreams on this machine. */
export interface Sandbox extends AsyncDisposable {
  /** OpenAI's Videos API; `baseUrl` is a URL such as `http://127.0.0.1:40000/v1`. */
  readonly videosApi: { readonly baseUrl: string; readonly apiKey: string }
  /**
   * The APIs of single providers, each with its own fields, errors and key header. The options of a generator of the same name, such as
   * `falGenerator({ ...sandbox.providers.fal, model: 'fal-ai/wan' })`.
   */
  readonly providers: Readonly<Record<SandboxProviderName, { readonly baseUrl: string; readonly apiKey: string }>>
  /**
   * A chat upstream of the sora2api family; `baseUrl` is a URL such as `http://127.0.0.1:40005/v1`. Each of `models`
   * that is named after a {@link ChatVariant} answers in that form.
   */
  readonly chat: { readonly baseUrl: string; readonly apiKey: string; readonly models: readonly string[] }
  /** The post API of the Sora app; `baseUrl` is a URL such as `http://127.0.0.1:40006/backend`. */
  readonly posts: { readonly baseUrl: string; readonly token: string }
  /** A parse server: `POST /get-sora-link` with the address of a post. */
  readonly parser: { readonly baseUrl: string; readonly token: string }
  /**
   * Two url2drive Spaces with the same password, the first on Gradio 4, the second on Gradio 6. They store files in
   * {@link drive}.
   */
  readonly spaces: readonly [SandboxSpace, SandboxSpace]
  /** Google Drive v3. */
  readonly drive: SandboxDrive
  /** A bin of JSONBin. */
  readonly jsonBin: SandboxJsonBin
  /**
   * Origins of three servers, each of which serves `/MP4/{id}.mp4` of every finished video, without a key. The id is
   * that of the job, or of a post of it.
   */
  readonly mirrors: readonly [string, string, string]
  /** A file server with ranges. */
  readonly files: SandboxFiles
  /** Every request so far, in the order of arrival. */
  readonly requests: readonly SandboxRequest[]
  /** The requests to one endpoint. */
  requestsTo(endpoint: SandboxEndpoint): readonly SandboxRequest[]
  /**
   * Replaces the plans of the named endpoints, and keeps the others: `{ 'videos.retrieve': [null, { kind: 'hang' }]
   * }` lets the second poll from now hang; `{ 'videos.retrieve': undefined }` makes it healthy.
   * @throws ConfigurationError for an unknown endpoint or kind of fault, and for pieces of no bytes.
   */
  setFaults(faults: FaultPlans): void
  /** Removes all faults. */
  clearFaults(): void
  /** Closes the servers, hanging connections and the worker. Idempotent. */
  close(): Promise<void>
}

/** The file server of a {@link Sandbox}. */
export interface SandboxFiles {
  /** Without a trailing slash: `http://127.0.0.1:40004`. */
  readonly baseUrl: string
  /** Address of a file, whether it exists or not. */
  url(name: string): string
  /** Adds or replaces a file in memory. Without a media type, the extension of the name decides. */
  put(name: string, bytes: Uint8Array, mediaType?: string): void
}

/** A url2drive Space of a {@link Sandbox}. It only fetches from this machine. */
export interface SandboxSpace {
  /** Its root, without a trailing slash. */
  readonly baseUrl: string
  /** Access password of the Space. */
  readonly password: string
  /** The Gradio version of the Space. */
  readonly dialect: SpaceDialect
}

/** The bin of a {@link Sandbox}. */
export interface SandboxJsonBin {
  /** Replaces `https://api.jsonbin.io/v3`. */
  readonly baseUrl: string
  /** Id of the bin. */
  readonly binId: string
  /** For `X-Master-Key`. */
  readonly masterKey: string
  /** For `X-Access-Key`. */
  readonly accessKey: string
  /** The current content of the bin. */
  readonly record: JsonValue
  /** Replaces the content of the bin, also with values that the API refuses. */
  setRecord(value: JsonValue): void
}
