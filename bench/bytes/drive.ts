import { startSandbox } from 'sora-pipeline/sandbox'
import type { ServedElsewhere } from '../harness/serve-module.ts'
import type { DriveAccess } from './places.ts'

/** Google Drive of the sandbox, which checks and hashes what it takes. */
export async function serve(): Promise<ServedElsewhere> {
  const { drive } = await startSandbox()
  const access: DriveAccess = { accessToken: drive.accessToken, folderId: drive.folderId }
  return { origin: drive.baseUrl, report: () => access }
}
