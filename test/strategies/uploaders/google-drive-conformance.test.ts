import { describe, test } from 'vitest'
import type { FaultPlans } from '../../../src/sandbox/fault.js'
import { googleDriveUploader } from '../../../src/strategies/index.js'
import { uploaderConformance } from '../../../src/testing/index.js'
import { driveSandbox, STEP } from './google-drive-sandbox.js'

describe('googleDriveUploader', () => {
  const subject = async (faults: FaultPlans = {}) => {
    const { sandbox, drive } = await driveSandbox()
    sandbox.setFaults(faults)
    const { accessToken, baseUrl, folderId } = drive
    return {
      uploader: googleDriveUploader({ accessToken, baseUrl, folderId, chunkBytes: STEP }),
      secrets: [accessToken],
      requests: () => sandbox.requests.length,
      list: async () => [...drive.files.keys()],
      async read(url: string) {
        const answer = await fetch(drive.fileUrl(url.split('/').at(-2) ?? ''))
        return new Uint8Array(await answer.arrayBuffer())
      },
    }
  }
  uploaderConformance({
    test,
    create: () => subject(),
    createHanging: () => subject({ 'drive.generate-ids': { kind: 'hang' } }),
    createFailing: () => subject({ 'drive.generate-ids': { kind: 'status', status: 503 } }),
  })
})
