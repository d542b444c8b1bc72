import type { FileServer } from './file-server.js'
import type { MirroredVideo } from './mirror.js'
import type { VideoJob, VideoJobs } from './video-jobs.js'

/** The videos of completed jobs, by every id that an upstream has sent. */
export interface FinishedVideos {
  /** Adds another id of a job. */
  alias(id: string, job: VideoJob): void
  find(id: string): MirroredVideo | undefined
  /** Address of the video on the file server. */
  url(id: string): string | undefined
}

/** @param options.fileUrl - Address of a file on the file server. */
export function finishedVideos(options: {
  readonly jobs: VideoJobs
  readonly files: Pick<FileServer, 'put'>
  readonly fileUrl: (name: string) => string
}): FinishedVideos {
  const { jobs, files, fileUrl } = options
  const aliases = new Map<string, string>()
  const find = (id: string) => {
    const state = jobs.find(aliases.get(id) ?? id)?.state()
    return state?.status === 'completed' ? { bytes: state.video, completedAt: state.completedAt } : undefined
  }
  return {
    alias: (id, job) => aliases.set(id, job.id),
    find,
    url(id) {
      const video = find(id)
      if (video === undefined) return undefined
      const name = `generations/${id}.mp4`
      files.put(name, video.bytes)
      return fileUrl(name)
    },
  }
}
