// A separate process, so that only the copy is measured: the built package downloads the video of a job and stores it.
// Argument: a CopyTask. Prints a CopyReport as JSON.
import { setTimeout } from 'node:timers/promises'
import type { Clock, Uploader } from 'sora-pipeline'
import {
  directoryUploader,
  googleDriveUploader,
  type S3UploaderOptions,
  s3Uploader,
  storageUploader,
  videosApiGenerator,
  type WebdavUploaderOptions,
  webdavUploader,
} from 'sora-pipeline/strategies'
import { fakeContext } from 'sora-pipeline/testing'

/** What to copy, and where. */
export interface CopyTask {
  /** Base URL of the API. */
  readonly api: string
  readonly to:
    | { readonly directory: string }
    | { readonly drive: { readonly baseUrl: string; readonly accessToken: string } }
    | { readonly s3: S3UploaderOptions }
    | { readonly webdav: WebdavUploaderOptions }
    /** Address of a folder that takes a PUT, by a client of one's own. */
    | { readonly folder: string }
}

/** What became of it. */
export interface CopyReport {
  readonly id: string
  readonly byteLength: number
  /** By how many bytes the memory of the process grew at the most. */
  readonly growth: number
}

const { api, to } = JSON.parse(process.argv[2] ?? '') as CopyTask
const generator = videosApiGenerator({ baseUrl: api, allowPrivateAddresses: ['127.0.0.1'] })
const uploader = uploaderTo(to)
const clock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  sleep: (ms, { signal } = {}) => setTimeout(ms, undefined, signal === undefined ? {} : { signal }),
}
const context = fakeContext({ clock })
const status = await generator.poll({ id: 'video_1' }, context)
const source = status.state === 'completed' ? status.video.source : undefined
if (source === undefined) throw new Error('There is no video')

const before = process.memoryUsage.rss()
const { id = '', byteLength = 0 } = await uploader.upload(source, context)
// The kernel's own highest mark, in KiB: sampling would miss peaks, and cost time.
const highest = process.resourceUsage().maxRSS * 1024
const report: CopyReport = { id, byteLength, growth: highest - before }
console.log(JSON.stringify(report))

function uploaderTo(target: CopyTask['to']): Uploader {
  if ('drive' in target) return googleDriveUploader(target.drive)
  if ('s3' in target) return s3Uploader(target.s3)
  if ('webdav' in target) return webdavUploader(target.webdav)
  if ('directory' in target) return directoryUploader({ ...target, publicBaseUrl: 'https://media.example' })
  return storageUploader({
    name: 'folder',
    async put({ key, body, byteLength, signal }) {
      const headers = { 'content-length': String(byteLength) }
      const init = { method: 'PUT', body, headers, duplex: 'half', redirect: 'error', signal } as const
      const answer = await fetch(`${target.folder}/${key}`, init)
      if (!answer.ok) throw Object.assign(new Error('refused'), { status: answer.status })
      return answer.url
    },
  })
}
