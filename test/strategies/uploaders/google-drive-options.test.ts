import { expect, test } from 'vitest'
import { type GoogleDriveUploaderOptions, googleDriveUploader } from '../../../src/strategies/index.js'

const configured = (options: Record<string, unknown>) => () =>
  googleDriveUploader({ accessToken: 'token-1', ...options } as GoogleDriveUploaderOptions)

test.each([
  [{ accessToken: undefined }, 'accessToken is nothing'],
  [{ accessToken: '' }, 'accessToken is unusable'],
  [{ accessToken: 'a\nb' }, 'accessToken is unusable'],
  [{ name: ' ' }, 'name is " "'],
  [{ label: '' }, 'label is ""'],
  [{ folderId: '' }, 'folderId is ""'],
  [{ folderId: 'https://drive.google.com/drive/folders/1dy' }, 'folderId is "https://drive.google.com'],
  [{ share: 'everyone' }, 'share is "everyone" (give anyone or none)'],
  [{ fileName: 'a.mp4' }, 'fileName is "a.mp4" (give a function)'],
  [{ chunkBytes: 0 }, 'chunkBytes is 0'],
  [{ chunkBytes: 262_145 }, 'chunkBytes is 262145 (give a multiple of 262144'],
  [{ chunkBytes: 2_147_483_648 }, 'chunkBytes is 2147483648'],
  [{ chunkBytes: '262144' }, 'chunkBytes is "262144"'],
  [{ baseUrl: 'ftp://drive.example' }, 'baseUrl is "ftp://drive.example"'],
  [{ timeoutMs: 0 }, 'timeoutMs is 0'],
  [{ maxAttempts: 0 }, 'maxAttempts is 0'],
  [{ maxAttempts: 1.5 }, 'maxAttempts is 1.5'],
])('refuses %j', (options, problem) => {
  expect(configured(options)).toThrow(problem)
})

test('names every problem at once', () => {
  expect(configured({ accessToken: '', share: 1, chunkBytes: 5 })).toThrow(
    /accessToken is unusable .*; share is 1 .*; chunkBytes is 5 /,
  )
})

test('takes the token alone, and a function in its place', () => {
  expect(configured({})).not.toThrow()
  expect(configured({ accessToken: async () => 'x', chunkBytes: 262_144, maxAttempts: 1 })).not.toThrow()
})
