import { googleDriveUploader } from 'sora-pipeline/strategies'
import type { CopyVideo } from './places.ts'
import { uploadWith } from './upload-run.ts'

export const copyVideo: CopyVideo = ({ source, drive: { origin, accessToken, folderId } }) =>
  uploadWith(googleDriveUploader({ baseUrl: origin, accessToken, folderId }), source)
