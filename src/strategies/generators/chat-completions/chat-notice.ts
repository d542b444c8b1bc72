import { saysError } from '../../../upstream/error-meaning.js'
import type { ChatFrame } from './chat-frame.js'

// What servers write while a job is accepted, waits and runs.
const PROGRESS =
  /\b(?:accepted|queued?|position|submitted|created|started|starting|connected|opened|loading|processing|in progress|generating|rendering|running|waiting|pending|ping|heartbeat)\b|受理|已提交|排队|开始|处理中|生成中|渲染|进度/i

/** Whether a frame has no part of the answer, but a message of its own: about the progress, or the reason of a failure. */
export function isNotice({ choices, message, detail }: ChatFrame): boolean {
  // The message of another format is a part of the answer, such as that of Anthropic.
  const isText = typeof message === 'string' || Array.isArray(message)
  return choices === undefined && ((isText && saysError(message)) || saysError(detail))
}

/** Whether such a frame only reports progress. */
export function isProgress(said: string): boolean {
  return PROGRESS.test(said)
}
