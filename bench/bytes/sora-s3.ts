import { s3Uploader } from 'sora-pipeline/strategies'
import type { CopyVideo } from './places.ts'
import { uploadWith } from './upload-run.ts'

export const copyVideo: CopyVideo = ({ source, s3 }) => {
  const keys = { accessKeyId: 'bench', secretAccessKey: 'bench-secret' }
  const bucket = { endpoint: s3, region: 'us-east-1', bucket: 'bucket' }
  return uploadWith(s3Uploader({ ...bucket, ...keys, multipartFromBytes: 8_388_608 }), source)
}
