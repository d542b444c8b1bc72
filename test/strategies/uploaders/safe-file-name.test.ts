import { join, resolve } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hasExtension, numberedName, safeFileName } from '../../../src/strategies/uploaders/safe-file-name.js'

test.each([
  ['cat.mp4', 'cat.mp4'],
  ['../../etc/passwd', 'etc_passwd'],
  ['C:\\videos\\a.mp4', 'C_videos_a.mp4'],
  ['.hidden', 'hidden'],
  ['..', 'video'],
  ['...mp4', 'video.mp4'],
  ['/.mp4', 'video.mp4'],
  ['', 'video'],
  ['a\0b\nc.mp4', 'a_b_c.mp4'],
  ['猫 piano.mp4', '猫_piano.mp4'],
  ['con.mp4', '_con.mp4'],
  [`${'x'.repeat(300)}.mp4`, `${'x'.repeat(146)}.mp4`],
  [`${'猫'.repeat(100)}.mp4`, `${'猫'.repeat(48)}.mp4`],
])('%j becomes %j', (name, safe) => {
  expect(safeFileName(name)).toBe(safe)
})

test('no name leaves its directory, is hidden, or is too long', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (name) => {
      const safe = safeFileName(name)
      expect(resolve(join('/videos', safe))).toBe(`/videos/${safe}`)
      expect(safe).not.toMatch(/^[.-]|[/\\\0:]|^$/)
      expect(Buffer.byteLength(safe)).toBeLessThanOrEqual(151)
      expect(safeFileName(safe)).toBe(safe)
    }),
  )
})

test('numbers and extensions', () => {
  expect([numberedName('a.mp4', 2), numberedName('a', 3)]).toEqual(['a-2.mp4', 'a-3'])
  expect([hasExtension('a.mp4'), hasExtension('a'), hasExtension('.mp4'), hasExtension('a.b c')]).toEqual([
    true,
    false,
    false,
    false,
  ])
})
