import type { OpenOptions, VideoSource } from '../contracts/source.js'
import { networkCodeOf } from '../contracts/submission.js'
import { NetworkError, UpstreamHttpError, UpstreamResponseError } from '../contracts/upstream-errors.js'

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
 * Opens a public URL with `fetch`.
 * @throws UpstreamHttpError when the answer is no success.
 * @throws UpstreamResponseError when the answer is a page, or starts at another byte than asked.
 * @throws NetworkError when no answer came.
 */
export async function openUrl(url: string, { offset = 0, signal }: OpenOptions): Promise<ReadableStream<Uint8Array>> {
  const response = await get(url, offset, signal)
  const { status, body, headers } = response
  const refuse = async <E extends Error>(error: E): Promise<never> => {
    await body?.cancel()
    throw error
  }
  if (!response.ok)
    return refuse(
      new UpstreamHttpError(`Could not open the video, the answer was HTTP ${status}: ${hostOf(url)}`, { status, url }),
    )
  if (body === null || /^(text\/|application\/json)/i.test(headers.get('content-type') ?? '')) {
    const found = body === null ? 'no body' : String(headers.get('content-type'))
    return refuse(new UpstreamResponseError(`Could not open the video, ${hostOf(url)} answered: ${found}`, { url }))
  }
  if (offset === 0 || status !== 206) return offset === 0 ? body : skip(body, offset)
  const start = /^bytes (\d+)-/.exec(headers.get('content-range') ?? '')?.[1]
  if (start === String(offset)) return body
  return refuse(
    new UpstreamResponseError(
      `Could not open the video at byte ${offset}, ${hostOf(url)} started at: ${start ?? 'nothing'}`,
      { url },
    ),
  )
}

async function get(url: string, offset: number, signal: AbortSignal | undefined): Promise<Response> {
  const headers = {
    accept: 'video/*, application/octet-stream;q=0.9',
    ...(offset > 0 && { range: `bytes=${offset}-` }),
  }
  try {
    return await fetch(url, { headers, signal: signal ?? null })
  } catch (error) {
    signal?.throwIfAborted()
    const code = networkCodeOf(error) ?? 'no answer'
    throw new NetworkError(`Could not open the video, ${hostOf(url)} could not be reached: ${code}`, { url })
  }
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

function hostOf(url: string): string {
  return new URL(url).host
}
