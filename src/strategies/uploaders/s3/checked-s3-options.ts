import { checkOptions } from '../../../contracts/check-options.js'
import { DEFAULT_KEY } from '../storage-key.js'
import { furtherProblems, LONGEST_PRESIGN_SECONDS, S3_RULES } from './s3-option-rules.js'
import type { S3UploaderOptions } from './s3-options.js'

/** The options with their defaults. */
export function checkS3Options(given: S3UploaderOptions) {
  checkOptions('s3Uploader', given, S3_RULES, furtherProblems)
  const { publicBaseUrl, url = publicBaseUrl === undefined ? { presignSeconds: LONGEST_PRESIGN_SECONDS } : 'public' } =
    given
  return {
    ...given,
    name: given.name ?? 's3',
    key: given.key ?? DEFAULT_KEY,
    onExisting: given.onExisting ?? 'fail',
    url,
    addressing: given.addressing ?? 'path',
    headers: given.headers ?? {},
    partBytes: given.partBytes ?? 8_388_608,
    multipartFromBytes: given.multipartFromBytes ?? 0,
    timeoutMs: given.timeoutMs ?? 120_000,
    maxAttempts: given.maxAttempts ?? 6,
  } as const
}

/** The options with their defaults. */
export type CheckedS3Options = ReturnType<typeof checkS3Options>
