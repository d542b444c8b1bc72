import type { VideoRequest } from '../../../contracts/request.js'

/** Fields of a request that the package of a provider ignores without a warning. */
export interface ModelGaps {
  readonly ignored: readonly (keyof VideoRequest)[]
  /** Whether it ignores images that are given by their address. */
  readonly ignoresImageUrls?: true
}

// According to the source of @ai-sdk/fal 3.0.41, replicate 3.0.46, google 4.0.121, @openrouter/ai-sdk-provider 3.1.0.
const GAPS: Readonly<Record<string, ModelGaps>> = {
  fal: { ignored: ['size', 'audio', 'lastFrame', 'references'] },
  replicate: { ignored: ['audio', 'lastFrame', 'references'] },
  google: { ignored: ['audio'], ignoresImageUrls: true },
  openrouter: { ignored: ['audio', 'lastFrame', 'references'] },
}

/** The name of the options of a provider: `fal` for `fal.video`, `blackForestLabs` for `black-forest-labs.video`. */
export function providerKeyOf(provider: string): string {
  const [name = provider] = provider.split('.', 1)
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

/** What the package of a provider ignores; nothing for other providers, which report what they ignore. */
export function gapsOf(provider: string): ModelGaps {
  return GAPS[providerKeyOf(provider)] ?? { ignored: [] }
}
