import { onTestFinished } from 'vitest'
import type { SandboxEndpoint } from '../../../src/sandbox/fault.js'
import { type Sandbox, startSandbox } from '../../../src/sandbox/index.js'
import { type GoogleDriveUploaderOptions, googleDriveUploader } from '../../../src/strategies/index.js'

/** The smallest chunk that Drive takes. */
export const STEP = 262_144

/** A sandbox that ends with the test, and an uploader to its Drive in the smallest chunks. */
export async function driveSandbox(options: Partial<GoogleDriveUploaderOptions> = {}) {
  const sandbox = await startSandbox()
  onTestFinished(() => sandbox.close())
  return { sandbox, drive: sandbox.drive, uploader: uploaderTo(sandbox, options) }
}

function uploaderTo({ drive }: Sandbox, options: Partial<GoogleDriveUploaderOptions> = {}) {
  const { baseUrl, folderId } = drive
  return googleDriveUploader({
    baseUrl,
    folderId,
    accessToken: () => drive.accessToken,
    chunkBytes: STEP,
    timeoutMs: 2_000,
    ...options,
  })
}

/** The requests so far, by endpoint, in order, with what they said of their bytes. */
export function trafficOf({ requests }: Sandbox): string[] {
  return requests.map(({ endpoint, headers, status }) => {
    const range = headers['content-range']
    return [endpoint, ...(range === undefined ? [] : [range]), status ?? 'cut'].join(' ')
  })
}

export function countOf(sandbox: Sandbox, endpoint: SandboxEndpoint): number {
  return sandbox.requestsTo(endpoint).length
}
