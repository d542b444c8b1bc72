import type { SettingsFragment } from './settings.js'

/**
 * The hosts of the sora2api response format, in its order: three mirrors and two url2drive Spaces, with
 * watermark-free mode and Google Drive switched on. They belong to third parties, may be gone, and are used only if
 * you pass this preset.
 *
 * @example
 * ```ts
 * import { settingsFromEnv, sora2apiPreset } from 'sora-pipeline/settings'
 *
 * const { settings } = settingsFromEnv({ GOOGLE_DRIVE_ENABLED: 'false' }, sora2apiPreset)
 * console.log(settings.mirrors.hosts.length) // 3
 * ```
 */
export const sora2apiPreset = {
  watermarkFree: { isEnabled: true, parseMethod: 'third_party' },
  mirrors: {
    hosts: ['oscdn2.dyysy.com', 'oscdn.dyysy.com', 'oscdn3.dyysy.com'],
    path: '/MP4/{postId}.mp4',
  },
  googleDrive: {
    isEnabled: true,
    kind: 'url2drive',
    spaces: ['leeykike-url2drive.hf.space', 'iyougame-url2drive.hf.space'],
  },
} as const satisfies SettingsFragment
