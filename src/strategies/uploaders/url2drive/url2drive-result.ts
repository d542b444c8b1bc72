import * as z from 'zod/mini'
import type { UploadedVideo } from '../../../contracts/uploader.js'
import { UpstreamResponseError } from '../../../contracts/upstream-errors.js'
import { isPlainHttp } from '../../../upstream/plain-http.js'
import { carriesSecret } from '../../../upstream/secret.js'
import type { Url2driveOutput } from './url2drive-call.js'
import { url2driveFailure } from './url2drive-failure.js'

const text = z.optional(z.nullable(z.string()))
const outputSchema = z.looseObject({
  status: z.string(),
  message: text,
  file_id: text,
  view_link: text,
  download_link: text,
})

/**
 * Reads the output of a Space's function: `{ status: 'success', file_id, view_link, download_link }`, or `{ status:
 * 'error', message }`, which Gradio reports as a success. The address is the one for viewing, built from the file's
 * id if missing, else the one for downloading.
 * @throws UpstreamResponseError when it cannot be read or contains no address; not retryable, because the file may be
 * in Drive.
 * @throws the error of `url2driveFailure` when the Space reports that the upload failed.
 */
export function readUrl2driveResult({ output, host, mask, secrets }: Url2driveOutput): UploadedVideo {
  const { success: isReadable, data } = z.safeParse(outputSchema, output)
  if (!isReadable) throw unusable(host, 'an answer of another shape')
  const { status, message, view_link, download_link } = data
  if (status === 'error') throw url2driveFailure(message ?? '', host, mask)
  if (status !== 'success') throw unusable(host, `the status ${mask(status).slice(0, 50)}`)
  const isClean = (value: string | null | undefined) => !carriesSecret(value ?? '', secrets)
  const id = isClean(data.file_id) ? /^[\w-]+$/.exec(data.file_id ?? '')?.[0] : undefined
  const made = id === undefined ? undefined : `https://drive.google.com/file/d/${id}/view`
  const url = [view_link, made, download_link].filter(isClean).find(isAddress)
  if (url === undefined) throw unusable(host, 'a success without an address')
  return { url, ...(id !== undefined && { id }) }
}

function isAddress(value: string | null | undefined): value is string {
  return typeof value === 'string' && URL.canParse(value) && isPlainHttp(new URL(value))
}

function unusable(host: string, what: string): UpstreamResponseError {
  return new UpstreamResponseError(
    `Could not locate the video: ${host} answered with ${what}; it may be in Google Drive`,
    { isRetryable: false },
  )
}
