import type { StageContext } from '../../contracts/stage.js'
import type { Api, ApiAnswer, ApiCall } from '../../upstream/api.js'
import { unreadable } from '../../upstream/json-answer.js'
import { isPage } from './answered-page.js'
import { encodedKey } from './storage-key.js'
import { type Retrying, uploadRetries } from './upload-retries.js'
import { webdavError } from './webdav-error.js'

/** A folder of a WebDAV server, as long as its uploader lives. */
export interface WebdavFolder {
  readonly api: Api
  readonly onExisting: 'fail' | 'overwrite'
  readonly timeoutMs: number
  readonly maxAttempts: number
  /** The folders below it that are known to exist. */
  readonly made: Set<string>
}

/** What is at an address; `unclear` where the server does not answer the question. */
export type WebdavFound = { readonly byteLength: number | undefined } | 'missing' | 'unclear'

/** Talks to a folder for one upload. Only `retrying` repeats anything. */
export interface WebdavRequests {
  readonly retrying: Retrying
  request(call: Omit<ApiCall, 'what' | 'timeoutMs' | 'signal'> & Partial<ApiCall>): Promise<ApiAnswer>
  find(url: string): Promise<WebdavFound>
}

// The server has no HEAD.
const NO_HEAD = [405, 501]

/** Makes the object through which one upload talks to its folder. */
export function webdavRequests(
  { api, timeoutMs, maxAttempts }: WebdavFolder,
  context: Pick<StageContext, 'signal' | 'clock'>,
): WebdavRequests {
  const { signal } = context
  const request: WebdavRequests['request'] = (call) =>
    api.call({
      what: 'upload the video',
      timeoutMs,
      signal,
      readError: webdavError,
      ...call,
      headers: { accept: '*/*', 'accept-encoding': 'identity', ...call.headers },
    })
  return {
    request,
    retrying: uploadRetries(maxAttempts, context),
    async find(url) {
      const answer = await request({ method: 'HEAD', url, accepts: [404, ...NO_HEAD] })
      if (answer.status === 404) return 'missing'
      if (NO_HEAD.includes(answer.status)) return 'unclear'
      if (isPage(answer.headers, url)) throw unreadable(answer, 'it is a page; check baseUrl and the credentials')
      const length = answer.headers.get('content-length')
      return { byteLength: length !== null && /^\d{1,15}$/.test(length) ? Number(length) : undefined }
    },
  }
}

/** Address of a path below the folder. */
export function addressOf({ api }: WebdavFolder, key: string): string {
  return api.address(`/${encodedKey(key)}`)
}
