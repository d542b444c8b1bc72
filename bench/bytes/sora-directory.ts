import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { directoryUploader } from 'sora-pipeline/strategies'
import type { CopyVideo } from './places.ts'
import { uploadWith } from './upload-run.ts'

export const copyVideo: CopyVideo = async ({ source, directory }) => {
  const videos = join(directory, 'videos')
  await uploadWith(directoryUploader({ directory: videos, publicBaseUrl: 'https://media.example' }), source)
  await rm(videos, { recursive: true })
}
