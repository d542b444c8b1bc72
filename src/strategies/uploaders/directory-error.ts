import { describeValue } from '../../contracts/errors.js'
import { ConfigurationError } from '../../contracts/input-errors.js'
import { QuotaExceededError } from '../../contracts/upstream-errors.js'

const FIXES: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'let this process write to it'],
  ['EPERM', 'let this process write and link in it'],
  ['EROFS', 'choose one that is not read-only'],
  ['ENOENT', 'choose one that can be created'],
  ['ENOTDIR', 'choose one that is not a file'],
  ['EEXIST', 'choose one that is not a file'],
  ['ENOTSUP', 'choose a file system with hard links'],
  ['EOPNOTSUPP', 'choose a file system with hard links'],
])

/**
 * The error of a directory that could not be written to; any error that is not from a file system is returned
 * unchanged.
 */
export function directoryError(error: unknown, directory: string): unknown {
  const code = error instanceof Error && 'code' in error && 'syscall' in error ? String(error.code) : ''
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new QuotaExceededError(`Could not store the video: no space left in ${describeValue(directory)}`, {
      cause: error,
    })
  }
  const fix = FIXES.get(code)
  if (fix === undefined) return error
  return new ConfigurationError('directoryUploader', [{ field: 'directory', value: describeValue(directory), fix }], {
    cause: error,
  })
}
