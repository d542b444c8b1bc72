// The suite that the library's own uploaders pass; it accepts the test function of any runner.
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
