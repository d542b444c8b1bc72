import { InvalidRequestError } from '../../contracts/input-errors.js'
import type { VideoSource } from '../../contracts/source.js'
import { isPlainHttp } from '../../upstream/plain-http.js'

/**
 * The public address of a source, for a service that downloads the video itself.
 * @param instead - An uploader that reads the bytes.
 * @throws InvalidRequestError when the source has no such address.
 */
export function publicSourceUrl({ url, isPublic }: VideoSource, instead: string): string {
  if (url !== undefined && isPublic && URL.canParse(url) && isPlainHttp(new URL(url))) return url
  const value = url === undefined ? 'nothing' : isPublic ? 'not a plain http address' : 'behind a key'
  const fix = `publish or resolve the video first, or use an uploader that reads its bytes, such as ${instead}`
  throw new InvalidRequestError([{ field: 'source.url', value, fix }])
}
