// The same suite that the uploaders of the library pass; it takes the test function of any runner.
import { uploaderConformance } from 'sora-pipeline/testing'
import { describe, it } from 'vitest'
import { memoryUploader } from './custom-uploader.js'

describe('memoryUploader', () => {
  uploaderConformance({
    test: it,
    create: async () => {
      const uploader = memoryUploader('https://media.example')
      return { uploader, read: async (url) => uploader.read(url) }
    },
  })
})
