import { expect, test } from 'vitest'
import { directoryError } from '../../../src/strategies/uploaders/directory-error.js'

const failed = (code: string, more: object = { syscall: 'open' }) => Object.assign(new Error(code), { code, ...more })

test.each([
  ['EACCES', 'let this process write to it'],
  ['EPERM', 'let this process write and link in it'],
  ['EROFS', 'choose one that is not read-only'],
  ['ENOENT', 'choose one that can be created'],
  ['ENOTDIR', 'choose one that is not a file'],
  ['EEXIST', 'choose one that is not a file'],
  ['ENOTSUP', 'choose a file system with hard links'],
  ['EOPNOTSUPP', 'choose a file system with hard links'],
])('%s of the directory is about its configuration, with what to do', (code, fix) => {
  const cause = failed(code)
  expect(directoryError(cause, '/videos')).toMatchObject({
    code: 'configuration-invalid',
    message: expect.stringMatching(new RegExp(`directoryUploader.*directory is "/videos".*${fix}`, 's')),
    cause,
  })
})

test.each(['ENOSPC', 'EDQUOT'])('%s is a quota', (code) => {
  expect(directoryError(failed(code), '/videos')).toMatchObject({
    code: 'quota-exceeded',
    message: 'Could not store the video: no space left in "/videos"',
  })
})

test.each([failed('EIO'), failed('ENOSPC', {}), failed('EACCES', {}), new Error('x'), 'thrown', undefined])(
  'an error that is not a known file system failure stays unchanged: %s',
  (error) => {
    expect(directoryError(error, '/videos')).toBe(error)
  },
)
