import type { VideoSource } from '../../../contracts/source.js'

/**
 * One source for several addresses: the first that opens, and only that one afterwards, because the bytes of two may differ.
 * @param places - The sources of all addresses, the first included. Most are never opened, so they are created with the first opening.
 */
export function firstSourceOf(first: VideoSource, places: () => readonly VideoSource[]): VideoSource {
  let opened: VideoSource | undefined
  return {
    ...(first.url !== undefined && { url: first.url }),
    isPublic: first.isPublic,
    ...(first.expiresAt !== undefined && { expiresAt: first.expiresAt }),
    get mediaType() {
      return (opened ?? first).mediaType
    },
    get byteLength() {
      return (opened ?? first).byteLength
    },
    async open(options = {}) {
      if (opened) return opened.open(options)
      let failure: unknown
      for (const source of eachOnce(places())) {
        try {
          const stream = await source.open(options)
          opened = source
          return stream
        } catch (error) {
          options.signal?.throwIfAborted()
          failure ??= error
        }
      }
      throw failure
    },
  }
}

function eachOnce(sources: readonly VideoSource[]): readonly VideoSource[] {
  const isFirst = ({ url }: VideoSource, index: number) => sources.findIndex((source) => source.url === url) === index
  return sources.filter((source, index) => source.url === undefined || isFirst(source, index))
}
