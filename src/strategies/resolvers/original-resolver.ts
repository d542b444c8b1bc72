import { checkOptions } from '../../contracts/check-options.js'
import type { GeneratedVideo } from '../../contracts/generator.js'
import type { Resolver } from '../../contracts/resolver.js'
import { NoUsableUrlError } from '../../contracts/run-errors.js'
import { named } from '../option-rules.js'

/** Options of `originalResolver`. */
export interface OriginalResolverOptions {
  /** Name in events and messages. @defaultValue `'original'` */
  readonly name?: string | undefined
  /** Display name, in progress texts. @defaultValue `name` */
  readonly label?: string | undefined
}

/**
 * Returns the generator's own public URL: the last link of a chain of resolvers. It sends no request. `resolve`
 * rejects with `NoUsableUrlError` when the video can only be reached with a key.
 *
 * @throws ConfigurationError when the name is empty.
 *
 * @example
 * ```ts
 * import { originalResolver } from 'sora-pipeline/strategies'
 *
 * const resolver = originalResolver()
 * console.log(resolver.name)
 * ```
 */
export function originalResolver(options: OriginalResolverOptions = {}): Resolver {
  checkOptions<OriginalResolverOptions>('originalResolver', options, named)
  const { name = 'original', label } = options
  return {
    name,
    ...(label !== undefined && { label }),
    async resolve({ video }, { signal }) {
      signal.throwIfAborted()
      const { source } = video
      const url = publicUrlOf(video)
      const expiresAt = video.expiresAt ?? source?.expiresAt
      return {
        url,
        ...(source?.mediaType !== undefined && { mediaType: source.mediaType }),
        ...(source?.byteLength !== undefined && { byteLength: source.byteLength }),
        ...(expiresAt !== undefined && { expiresAt }),
      }
    },
  }
}

function publicUrlOf(video: GeneratedVideo): string {
  if (video.url !== undefined) return video.url
  const { source } = video
  if (source.isPublic && source.url !== undefined) return source.url
  throw new NoUsableUrlError(`Could not give a public URL of the generated video: ${video.id} is behind a key`, {
    source,
  })
}
