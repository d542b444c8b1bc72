import * as z from 'zod/mini'
import { isSoraPipelineError } from '../../../contracts/errors.js'
import type { StageContext } from '../../../contracts/stage.js'
import { AuthenticationError, UpstreamResponseError } from '../../../contracts/upstream-errors.js'
import { type RetryPlan, retry } from '../../../timing/retry.js'
import { type ApiAnswer, type ApiCall, createApi } from '../../../upstream/api.js'
import { readJsonAnswer, unreadable } from '../../../upstream/json-answer.js'
import { jsonOf } from '../../../upstream/json-of.js'
import { hostOf } from '../../../upstream/network-failure.js'
import { carriesSecret } from '../../../upstream/secret.js'
import { removeLate, removeSoon } from '../late-leftovers.js'
import { type DriveRequestSubject, driveError } from './google-drive-error.js'
import type { CheckedGoogleDriveOptions } from './google-drive-options.js'

/** The metadata of a new file. */
export interface DriveFileMetadata {
  readonly id: string
  readonly name: string
  readonly mediaType: string
  /** The length, if it is known beforehand. */
  readonly byteLength: number | undefined
}

/** A stored file. */
export interface DriveFile {
  readonly id: string
  readonly byteLength: number
  /** In hexadecimal, if Drive reports it. */
  readonly sha256: string | undefined
  /** In hexadecimal, if Drive reports it. */
  readonly md5: string | undefined
  /** The page that shows the file, if Drive reports it. */
  readonly pageUrl: string | undefined
}

/**
 * The client of Drive for one upload. Every method but `put` retries automatically; after an abort nothing stays
 * running.
 */
export interface DriveApi {
  readonly plan: RetryPlan
  /** A new id, so that creating the file twice is noticed. */
  generateId(): Promise<string>
  /**
   * Begins an upload and returns its address; `undefined` if the file already exists. The address allows writing to
   * the file, so it is a secret.
   */
  openSession(file: DriveFileMetadata): Promise<string | undefined>
  /** Sends bytes, or requests the state if there are none. Answers with 2xx, 308, 404 or 410. */
  put(session: string, contentRange: string, bytes?: readonly Uint8Array<ArrayBuffer>[]): Promise<ApiAnswer>
  /** `undefined` if the file does not exist. */
  find(id: string): Promise<DriveFile | undefined>
  /** Reads the file from a successful answer; `undefined` if it is missing there. */
  readFile(answer: ApiAnswer, id: string): DriveFile | undefined
  /** Lets anyone with the link read the file. */
  shareWithAnyone(id: string): Promise<void>
}

const WHAT = 'upload the video'
const FIELDS = 'id,size,sha256Checksum,md5Checksum,webViewLink'
const ALL_DRIVES = { supportsAllDrives: 'true' }
const MAX_RETRY_AFTER_MS = 60_000
const TIDY_TIMEOUT_MS = 5_000
// Drive's answers to the end of an upload, and to one that has already ended.
const ENDED = [404, 410, 499]

const GeneratedIds = z.object({ ids: z.tuple([z.string()], z.string()) })
const StoredFile = z.object({
  id: z.string(),
  size: z.string().check(z.regex(/^\d{1,15}$/)),
  sha256Checksum: z.optional(z.string()),
  md5Checksum: z.optional(z.string()),
  webViewLink: z.optional(z.url()),
})

/** Creates the client through which one upload calls Drive. */
export function driveApi(options: CheckedGoogleDriveOptions, { clock, signal }: StageContext): DriveApi {
  const { folderId, maxAttempts } = options
  const { request, address } = driveRequests(options)
  const plan: RetryPlan = {
    retries: maxAttempts - 1,
    minDelayMs: 1_000,
    maxDelayMs: 32_000,
    maxRetryAfterMs: MAX_RETRY_AFTER_MS,
    random: Math.random,
    shouldRetry: (error) => !signal.aborted && isSoraPipelineError(error) && error.isRetryable,
  }
  const retrying = <T>(call: () => Promise<T>) => retry(call, plan, { clock, signal })

  return {
    plan,
    generateId: () =>
      retrying(async () => {
        const url = address('/drive/v3/files/generateIds', { count: '1', space: 'drive', type: 'files' })
        const answer = await request({ method: 'GET', url, signal })
        const [id] = readJsonAnswer(answer, GeneratedIds).ids
        if (carriesSecret(id, answer.secrets)) throw unreadable(answer, 'the id contains the token')
        return id
      }),
    openSession: ({ id, name, mediaType, byteLength }) =>
      retrying(async () => {
        const url = address('/upload/drive/v3/files', { uploadType: 'resumable', fields: FIELDS, ...ALL_DRIVES })
        const answer = await request(
          {
            method: 'POST',
            url,
            signal,
            accepts: [409],
            json: { id, name, mimeType: mediaType, ...(folderId !== undefined && { parents: [folderId] }) },
            headers: {
              'x-upload-content-type': mediaType,
              ...(byteLength !== undefined && { 'x-upload-content-length': String(byteLength) }),
            },
          },
          { folderId },
        )
        return answer.status === 409 ? undefined : sessionOf(answer)
      }),
    put: (session, contentRange, bytes) =>
      request({
        method: 'PUT',
        url: session,
        bytes,
        signal,
        accepts: [308, 404, 410],
        secrets: sessionSecrets(session),
        headers: { 'content-range': contentRange },
      }),
    readFile,
    find: (id) =>
      retrying(async () => {
        const url = address(`/drive/v3/files/${encodeURIComponent(id)}`, { fields: FIELDS, ...ALL_DRIVES })
        const answer = await request({ method: 'GET', url, signal, accepts: [404] })
        if (answer.status === 404) return undefined
        const file = readFile(answer, id)
        if (file === undefined) throw unreadable(answer, 'it has no file')
        return file
      }),
    shareWithAnyone: (id) =>
      retrying(async () => {
        const url = address(`/drive/v3/files/${encodeURIComponent(id)}/permissions`, { fields: 'id', ...ALL_DRIVES })
        const json = { type: 'anyone', role: 'reader' }
        const answer = await request({ method: 'POST', url, json, signal }, { isSharing: true })
        readJsonAnswer(answer, z.object({ id: z.string() }))
      }),
  }
}

/**
 * Removes the remains of an upload: its session, and the file if it may exist. Uses its own signal, so it also works
 * after an abort. Takes at most 10 s, and after an abort 25 s: Drive may still make the file of the request that was cut.
 *
 * @throws SoraPipelineError when the file could not be removed. A session that is left holds no file and expires.
 */
export async function tidyDrive(
  options: CheckedGoogleDriveOptions,
  left: { readonly session: string | undefined; readonly fileId: string | undefined },
  { clock, signal: runSignal }: Pick<StageContext, 'clock' | 'signal'>,
): Promise<void> {
  const { session, fileId } = left
  const { request, address } = driveRequests({
    ...options,
    timeoutMs: Math.min(options.timeoutMs, TIDY_TIMEOUT_MS),
  })
  const { signal } = new AbortController()
  if (session !== undefined) {
    const secrets = sessionSecrets(session)
    // The file matters more: a session that could not be ended expires.
    await request({ method: 'DELETE', url: session, signal, accepts: ENDED, secrets }).catch(() => undefined)
  }
  if (fileId === undefined) return
  const url = address(`/drive/v3/files/${encodeURIComponent(fileId)}`, ALL_DRIVES)
  const remove = async () => {
    const { status } = await request({
      method: 'DELETE',
      url,
      signal,
      accepts: [404],
      what: 'remove the unfinished upload',
    })
    return status === 404 ? 'missing' : 'removed'
  }
  await (runSignal.aborted ? removeLate(clock, remove) : removeSoon(clock, remove))
}

type DriveRequest = Omit<ApiCall, 'what' | 'timeoutMs' | 'readError'> & { readonly what?: string }

function driveRequests(options: CheckedGoogleDriveOptions) {
  const { name, baseUrl, accessToken, fetch, timeoutMs } = options
  const api = createApi({ subject: name, baseUrl, apiKey: accessToken, fetch })
  return {
    address(path: string, query: Readonly<Record<string, string>>): string {
      const url = new URL(api.address(path))
      for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value)
      return url.href
    },
    async request(call: DriveRequest, subject: DriveRequestSubject = {}): Promise<ApiAnswer> {
      const readError: ApiCall['readError'] = (answer) => driveError(answer, subject)
      const send = () => api.call({ what: WHAT, ...call, timeoutMs, readError })
      try {
        return await send()
      } catch (error) {
        // Every request calls the token's function once more if its token was refused.
        const isRenewable = typeof accessToken === 'function' && error instanceof AuthenticationError
        if (isRenewable && error.status === 401) return send()
        throw error
      }
    },
  }
}

function sessionOf(answer: ApiAnswer): string {
  const location = answer.headers.get('location')
  if (location === null || !URL.canParse(location, answer.url))
    throw unreadable(answer, 'it has no address for the upload')
  const session = new URL(location, answer.url)
  if (session.origin === new URL(answer.url).origin) return session.href
  const message = `Could not ${WHAT}: ${hostOf(answer.url)} named another origin for it, ${session.host}`
  throw new UpstreamResponseError(message, { url: answer.url, status: answer.status, isRetryable: false })
}

function sessionSecrets(session: string): string[] {
  // Short values, such as the type of the upload, are not keys.
  return [...new URL(session).searchParams.values()].filter((value) => value.length > 16)
}

function readFile(answer: ApiAnswer, id: string): DriveFile | undefined {
  const { data } = z.safeParse(StoredFile, jsonOf(answer.text))
  if (data?.id !== id) return undefined
  const { webViewLink = '' } = data
  const pageUrl = webViewLink === '' || carriesSecret(webViewLink, answer.secrets) ? undefined : webViewLink
  return { id, byteLength: Number(data.size), sha256: data.sha256Checksum, md5: data.md5Checksum, pageUrl }
}
