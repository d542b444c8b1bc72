import type { OpenOptions, VideoSource } from '../contracts/source.js'
import { UpstreamHttpError, UpstreamResponseError } from '../contracts/upstream-errors.js'
import type { AllowPrivateAddresses } from '../upstream/download/allowed-destinations.js'
import type { Download } from '../upstream/download/download.js'
import { createDownloader } from '../upstream/download/downloader.js'

/** Opens a public URL from a byte on. Sends no credential. */
export type OpenUrl = (url: string, options: OpenOptions) => Promise<ReadableStream<Uint8Array>>

/** A source of a public URL. */
export function urlSource(
  url: string,
  facts: Pick<VideoSource, 'mediaType' | 'byteLength' | 'expiresAt'>,
  open: OpenUrl,
): VideoSource {
  return { ...facts, url, isPublic: true, open: (options = {}) => open(url, options) }
}

/**
 * Makes what opens a URL through the guarded downloader, which rejects with `NetworkError` where it may not go. What it opens
 * rejects with `UpstreamHttpError` when the answer is no success, and with `UpstreamResponseError` when it is a page, or starts
 * at another byte than asked.
 */
export function createOpenUrl(allowPrivateAddresses: AllowPrivateAddresses | undefined): OpenUrl {
  const download = createDownloader({ allowPrivateAddresses })
  return async (url, { offset = 0, signal = new AbortController().signal }) => {
    const headers = {
      accept: 'video/*, application/octet-stream;q=0.9',
      ...(offset > 0 && { range: `bytes=${offset}-` }),
    }
    const answer = await download(url, { what: 'open the video', headers, signal })
    const problem = problemOf(answer, offset)
    if (problem === undefined && answer.body !== null) {
      return offset > 0 && answer.status !== 206 ? skip(answer.body, offset) : answer.body
    }
    await answer.body?.cancel()
    throw problem
  }
}

function problemOf({ status, ok, headers, url: { host, href: url } }: Download, offset: number): Error | undefined {
  if (!ok) {
    return new UpstreamHttpError(`Could not open the video, the answer was HTTP ${status}: ${host}`, { status, url })
  }
  const type = headers.get('content-type') ?? ''
  if (status === 204 || /^(text\/|application\/json)/i.test(type)) {
    const found = status === 204 ? 'no body' : type
    return new UpstreamResponseError(`Could not open the video, ${host} answered: ${found}`, { url })
  }
  const start = /^bytes (\d+)-/.exec(headers.get('content-range') ?? '')?.[1]
  if (offset === 0 || status !== 206 || start === String(offset)) return undefined
  const message = `Could not open the video at byte ${offset}, ${host} started at: ${start ?? 'nothing'}`
  return new UpstreamResponseError(message, { url })
}

// A server that does not know ranges sends the whole video: what was had before is read over.
function skip(body: ReadableStream<Uint8Array>, offset: number): ReadableStream<Uint8Array> {
  let left = offset
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        const rest = chunk.subarray(Math.min(left, chunk.byteLength))
        left -= chunk.byteLength - rest.byteLength
        if (rest.byteLength > 0) controller.enqueue(rest)
      },
    }),
  )
}
