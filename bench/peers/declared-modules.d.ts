// What the benchmarks use of packages that only `bench/peers` installs: the project is type-checked without them.

declare module '@fal-ai/client' {
  export function createFalClient(config: {
    readonly credentials: string
    readonly suppressLocalCredentialsWarning: boolean
    readonly fetch: (url: RequestInfo | URL, init?: RequestInit) => Promise<Response>
  }): {
    subscribe(
      endpoint: string,
      options: { readonly input: { readonly prompt: string }; readonly pollInterval: number },
    ): Promise<unknown>
  }
}

declare module 'replicate' {
  export default class Replicate {
    constructor(options: { readonly auth: string; readonly baseUrl: string; readonly useFileOutput: boolean })
    run(
      model: string,
      options: {
        readonly input: { readonly prompt: string }
        readonly wait: { readonly mode: 'poll'; readonly interval: number }
      },
    ): Promise<object>
  }
}
