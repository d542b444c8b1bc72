import type { StageContext } from '../../contracts/stage.js'
import { errorStatusOf } from '../../contracts/submission.js'
import { UpstreamResponseError } from '../../contracts/upstream-errors.js'
import { backgroundOf } from '../../timing/system-clock.js'
import { unreadable } from '../../upstream/json-answer.js'
import { isPage } from './answered-page.js'
import { removeLate, removeSoon } from './late-leftovers.js'
import { addressOf, type WebdavFolder, webdavRequests } from './webdav-requests.js'

/** What an upload has to take away when it fails; kept up to date on its way. */
export interface WebdavLeft {
  /** Addresses of temporary files. */
  readonly temporary: Set<string>
  /** Those of them whose upload was not answered, so that they may appear later. */
  readonly unanswered: Set<string>
  /** Whether the last of them may have become the file, or surely has. */
  moved: 'no' | 'maybe' | 'yes'
}

/** The upload that has left it. */
export interface WebdavLeaving {
  readonly folder: WebdavFolder
  readonly key: string
  readonly context: StageContext
  readonly left: WebdavLeft
}

type Removal = 'removed' | 'missing'

const TIDY_TIMEOUT_MS = 5_000
const LOCKED = 423

/**
 * Takes away what a failed upload has left. Uses its own signal, so it also works after an abort; each request has 5 s,
 * and is repeated for some seconds where the failure passes.
 * @param warn - Called when something could not be taken away, also after this has settled.
 */
export async function tidyWebdav(transfer: WebdavLeaving, warn: () => void): Promise<void> {
  const { folder, key, left, context } = transfer
  try {
    const last = await removeTemporary(transfer, warn)
    // A temporary file that is gone has become the file. What it replaced is not brought back by a removal.
    if (left.moved === 'maybe' && last === 'unclear') return warn()
    const isOwn = left.moved === 'yes' || (left.moved === 'maybe' && last === 'missing')
    if (!isOwn || folder.onExisting !== 'fail') return
    const removal = await removeSoon(context.clock, () => remove(transfer, addressOf(folder, key)))
    if (left.moved === 'yes' && removal === 'missing') {
      throw new UpstreamResponseError(`Could not remove the unfinished upload: the server moved it elsewhere: ${key}`)
    }
  } catch {
    warn()
  }
}

/**
 * Takes away the temporary files of attempts that failed, and gives what became of the last one: `unclear` where it is missing after a
 * removal whose answer was lost.
 */
export async function removeTemporary(transfer: WebdavLeaving, warn: () => void): Promise<Removal | 'unclear'> {
  const { left, context } = transfer
  const { clock, signal } = context
  let last: Removal | 'unclear' = 'removed'
  for (const url of left.temporary) {
    const isLate = left.unanswered.has(url)
    let mayBeRemoved = false
    const attempt = () =>
      remove(transfer, url).catch((error: unknown) => {
        mayBeRemoved ||= errorStatusOf(error) !== LOCKED
        throw error
      })
    // A server may make the file only when it notices that the connection is gone. After an abort the process waits for that.
    if (isLate && signal.aborted) removeLate(clock, attempt).catch(warn)
    else last = await removeSoon(clock, attempt)
    if (isLate && !signal.aborted && last === 'missing') removeLate(backgroundOf(clock), attempt).catch(warn)
    if (last === 'missing' && mayBeRemoved) last = 'unclear'
  }
  return last
}

async function remove({ folder, context }: WebdavLeaving, url: string): Promise<Removal> {
  const { signal } = new AbortController()
  const timeoutMs = Math.min(folder.timeoutMs, TIDY_TIMEOUT_MS)
  const { request, find } = webdavRequests({ ...folder, timeoutMs }, { ...context, signal })
  const what = 'remove the unfinished upload'
  const answer = await request({ method: 'DELETE', url, accepts: [404], what })
  if (answer.status === 404) return 'missing'
  // A page of a proxy, or a list of what could not be removed, is no proof.
  const isDoubtful = answer.status === 207 || (answer.status === 200 && isPage(answer.headers, url))
  if (isDoubtful && (await find(url)) !== 'missing') throw unreadable(answer, 'the file is still there')
  return 'removed'
}
