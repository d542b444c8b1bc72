// The storage client that you have, as an uploader: a put() of a few lines for each. Take the one of yours; the rest is the library's:
// key, fresh bytes for each attempt, the count of the bytes, progress, abort. None replaces what is there, where the client has a condition for it.
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { S3Client } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import type { ContainerClient } from '@azure/storage-blob'
import type { Bucket } from '@google-cloud/storage'
import { StorageClient } from '@supabase/storage-js'
import { put } from '@vercel/blob'
import type { Files } from 'files-sdk'
import type { Disk } from 'flydrive'
import { storageUploader, urlIngestUploader } from 'sora-pipeline/strategies'

/** `@aws-sdk/lib-storage`, for a bucket that anyone may read. `s3Uploader` does the same without the SDK. */
export const awsUploader = (client: S3Client, bucket: string, publicBaseUrl: string) =>
  storageUploader({
    name: 'aws',
    async put({ key: Key, body, mediaType: ContentType, signal }) {
      const params = { Bucket: bucket, Key, Body: Readable.fromWeb(body), ContentType, IfNoneMatch: '*' }
      const upload = new Upload({ client, params })
      signal.addEventListener('abort', () => upload.abort(), { once: true })
      await upload.done()
      return `${publicBaseUrl}/${Key.split('/').map(encodeURIComponent).join('/')}`
    },
  })

/** `@azure/storage-blob`, for a container that anyone may read. */
export const azureUploader = (container: ContainerClient) =>
  storageUploader({
    name: 'azure',
    async put({ key, body, mediaType, signal }) {
      const blob = container.getBlockBlobClient(key)
      await blob.uploadStream(Readable.fromWeb(body), 4 * 1_048_576, 2, {
        abortSignal: signal,
        blobHTTPHeaders: { blobContentType: mediaType },
        conditions: { ifNoneMatch: '*' },
      })
      // Without the token of a client that was made with a shared access signature.
      return blob.url.replace(/\?.*/s, '')
    },
  })

/** `@google-cloud/storage`, with a URL that is signed for a week. */
export const googleCloudUploader = (bucket: Bucket) =>
  storageUploader({
    name: 'google-cloud',
    async put({ key, body, mediaType, signal }) {
      const file = bucket.file(key)
      const target = file.createWriteStream({ contentType: mediaType, preconditionOpts: { ifGenerationMatch: 0 } })
      await pipeline(Readable.fromWeb(body), target, { signal })
      const expiresAt = Date.now() + 7 * 86_400_000
      const [url] = await file.getSignedUrl({ version: 'v4', action: 'read', expires: expiresAt })
      return { url, expiresAt }
    },
  })

/** `@vercel/blob`. */
export const vercelUploader = (token: string) =>
  storageUploader({
    name: 'vercel',
    async put({ key, body, mediaType: contentType, signal: abortSignal }) {
      const options = { access: 'public', multipart: true, contentType, abortSignal, token } as const
      return (await put(key, body, options)).url
    },
  })

/** Supabase: the address of its Storage (`https://PROJECT.supabase.co/storage/v1`), a key that may write, and a public bucket. */
export const supabaseUploader = (url: string, apikey: string, bucket: string) =>
  storageUploader({
    name: 'supabase',
    async put({ key, body, mediaType: contentType, signal }) {
      // upload() takes no signal. Without redirect: 'error' the fetch of Node keeps the whole body in memory.
      const send: typeof fetch = (input, init) => fetch(input, { ...init, redirect: 'error', signal })
      const files = new StorageClient(url, { apikey, authorization: `Bearer ${apikey}` }, send).from(bucket)
      // The client encodes nothing on upload, and in an address all but `?` and `#`.
      const path = key.split('/').map(encodeURIComponent).join('/')
      const { error } = await files.upload(path, body, { contentType, duplex: 'half' })
      if (error) throw error
      return files.getPublicUrl(key).data.publicUrl.replace(/[?#]/g, encodeURIComponent)
    },
  })

/**
 * flydrive, with any of its drivers. A complete upload replaces a file of the key; what a failed one has written is removed. flydrive takes
 * keys of `A-Z`, `a-z`, `0-9`, blanks and `-_!./` alone.
 */
export const flydriveUploader = (disk: Disk) =>
  storageUploader({
    name: 'flydrive',
    async put({ key, body, mediaType: contentType, byteLength: contentLength, signal }) {
      const options = { contentType, ...(contentLength !== undefined && { contentLength }) }
      const partial = `${key}.${randomUUID()}.partial`
      try {
        await disk.putStream(partial, Readable.fromWeb(body), options)
        signal.throwIfAborted()
        await disk.move(partial, key)
      } catch (error) {
        // The error of the upload is the one that matters.
        await disk.delete(partial).catch(() => undefined)
        // Every error of flydrive has the status 500, which would be repeated; that of its driver says what happened.
        const { cause, message } = error as Error
        throw cause ?? new Error(message)
      }
      return disk.getUrl(key)
    },
  })

/**
 * files-sdk, with any of its adapters. Only that of AWS S3 has the condition: with the others, the later one of two uploads of a key that
 * run at the same moment replaces the earlier one.
 */
export const filesUploader = (files: Files) =>
  storageUploader({
    name: 'files-sdk',
    async put({ key, body, mediaType: contentType, signal }) {
      const { create } = files.capabilities.conditional
      if (!create && (await files.exists(key, { signal }))) throw Object.assign(new Error('taken'), { status: 412 })
      await files.upload(key, body, { contentType, signal, ...(create && { condition: { type: 'create' } }) })
      return files.url(key)
    },
  })

/** Mux fetches the video itself. The asset is ready to play some seconds later. */
export const muxUploader = (tokenId: string, tokenSecret: string) =>
  urlIngestUploader({
    name: 'mux',
    givesPageUrl: true,
    async ingest({ url, signal }) {
      const authorization = `Basic ${Buffer.from(`${tokenId}:${tokenSecret}`).toString('base64')}`
      const body = JSON.stringify({ inputs: [{ url }], playback_policies: ['public'] })
      const headers = { authorization, 'content-type': 'application/json' }
      const answer = await fetch('https://api.mux.com/video/v1/assets', { method: 'POST', headers, body, signal })
      if (!answer.ok) throw Object.assign(new Error('Mux refused the video'), { status: answer.status })
      const { data } = (await answer.json()) as { data: { id: string; playback_ids: [{ id: string }] } }
      return { id: data.id, url: `https://stream.mux.com/${data.playback_ids[0].id}.m3u8` }
    },
  })

/** Cloudflare Stream fetches the video itself; its answer has the page that plays it. */
export const cloudflareStreamUploader = (accountId: string, token: string) =>
  urlIngestUploader({
    name: 'cloudflare-stream',
    givesPageUrl: true,
    async ingest({ url, signal }) {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      const address = `https://api.cloudflare.com/client/v4/accounts/${accountId}/stream/copy`
      const answer = await fetch(address, { method: 'POST', headers, body: JSON.stringify({ url }), signal })
      if (!answer.ok) throw Object.assign(new Error('Cloudflare refused the video'), { status: answer.status })
      const { result } = (await answer.json()) as { result: { uid: string; preview: string } }
      return { id: result.uid, url: result.preview }
    },
  })

/** The part of `UTApi` of `uploadthing/server` that is needed. */
interface UploadThing {
  uploadFilesFromUrl(
    url: string,
  ): Promise<{ data: { key: string; ufsUrl: string } | null; error: { message: string } | null }>
}

/** UploadThing fetches the video itself. */
export const uploadThingUploader = (api: UploadThing) =>
  urlIngestUploader({
    name: 'uploadthing',
    async ingest({ url }) {
      const { data, error } = await api.uploadFilesFromUrl(url)
      if (data === null) throw new Error(error?.message ?? 'UploadThing gave nothing')
      return { id: data.key, url: data.ufsUrl }
    },
  })
