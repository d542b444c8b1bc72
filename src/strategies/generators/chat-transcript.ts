import type { SoraPipelineError } from '../../contracts/errors.js'
import type { JsonObject } from '../../contracts/json.js'
import type { StageContext } from '../../contracts/stage.js'
import { UpstreamResponseError } from '../../contracts/upstream-errors.js'
import { excerptOf, isRecord } from '../../upstream/error-details.js'
import { requestIdFrom } from '../../upstream/request-id.js'
import { type ChatUpstream, chatFailure, markedFailure, proseFailure, verdict } from './chat-failure.js'
import { type ChatDelta, ChatFrame } from './chat-frame.js'
import { contentProgress, reasoningProgress } from './chat-progress.js'
import { type UrlSearch, videoUrlIn } from './chat-video-url.js'
import { saysError } from './job-failure.js'

/** What an upstream has written so far, and what it comes to. */
export interface ChatTranscript {
  /** Takes the headers of the answer: an error in its body carries the id of the request. */
  begin(headers: Headers): void
  /** Takes the data of one event, or a whole answer; `end` when nothing more is to be expected. */
  add(data: string): 'more' | 'end'
  /** The address of the video. Of a stream that nobody finished only one that surely came whole. */
  videoUrl(): string | undefined
  /** The upstream's own verdict, when it gave one. */
  failure(): SoraPipelineError | undefined
  /** The upstream's id of the job, else of the message. */
  id(): string | undefined
  usage(): JsonObject | undefined
  /** The start of what was written, for messages. */
  excerpt(): string
}

const MOST_CONTENT = 1_000_000
const POLICY = /content policy violation/i
const FAILED = /❌\s?(?:生成失败|generation failed)\s?[:：]?/i
// From here on the content is the result, and no prose about the way there.
const RESULT = /https?:|[<`{]|!\[/

/** Makes an empty transcript, which reports the progress that it is told. */
export function createChatTranscript(
  asked: ChatUpstream,
  search: UrlSearch,
  { report }: Pick<StageContext, 'report'>,
): ChatTranscript {
  const { mask, host } = asked
  let upstream = asked
  const outputs: string[] = []
  let jobId: string | undefined
  let messageId: string | undefined
  let content = ''
  let lastContent = ''
  let unread = ''
  let isViolation = false
  let isFinished = false
  let isResult = false
  let frameFailure: SoraPipelineError | undefined
  let usage: JsonObject | undefined

  function addOutput({ output = [] }: ChatDelta): void {
    for (const { url, task_id, generation_id } of output) {
      jobId = generation_id || task_id || jobId
      if (url === undefined || !URL.canParse(url, search.base)) continue
      const { href } = new URL(url, search.base)
      if (search.accepts(href)) outputs.push(href)
    }
  }

  function addContent(text: string): void {
    if (content.length + text.length > MOST_CONTENT) {
      const message = `Could not generate the video: ${host} wrote more than ${MOST_CONTENT} characters`
      throw new UpstreamResponseError(message, {
        url: mask(upstream.url),
        isRetryable: false,
        requestId: upstream.requestId,
      })
    }
    content += text
    lastContent = text
    isResult ||= RESULT.test(text)
    const progress = isResult || FAILED.test(text) ? undefined : contentProgress(text, mask)
    if (progress !== undefined) report(progress)
  }

  function addDelta(delta: ChatDelta): void {
    const { reasoning_content: prose = '', content: text = '' } = delta
    isViolation ||= POLICY.test(prose)
    const progress = reasoningProgress(delta, mask)
    if (progress !== undefined) report(progress)
    addOutput(delta)
    if (isErrorJson(text)) frameFailure ??= chatFailure(text, upstream)
    else if (text !== '') addContent(text)
  }

  // What the word of a failure is followed by may name an address too: that of the rules which were broken.
  const failedAt = () => FAILED.exec(content)
  const prose = () => content.slice(0, failedAt()?.index)

  function videoUrl(): string | undefined {
    const output = outputs.at(-1)
    if (output !== undefined || isViolation || isErrorJson(content)) return output
    const url = videoUrlIn(prose(), search)
    const isPerhapsCut = url !== undefined && !isFinished && prose().endsWith(url) && !lastContent.includes(url)
    return isPerhapsCut ? undefined : url
  }

  return {
    begin: (headers) => {
      upstream = { ...asked, requestId: requestIdFrom(headers, mask) }
    },
    add(data) {
      if (data.trimStart().startsWith('[DONE]')) {
        isFinished = true
        return 'end'
      }
      const frame = ChatFrame.safeParse(parse(data))
      if (!frame.success) {
        unread ||= data
        return 'more'
      }
      const { id, choices = [] } = frame.data
      if (isErrorFrame(frame.data)) {
        frameFailure ??= chatFailure(data, upstream)
        return 'end'
      }
      messageId ??= id || undefined
      usage = frame.data.usage ?? usage
      for (const { delta, message, finish_reason } of choices) {
        addDelta(delta ?? message ?? {})
        isFinished ||= finish_reason !== undefined
        isViolation ||= finish_reason === 'content_filter'
      }
      return frameFailure === undefined ? 'more' : 'end'
    },
    videoUrl,
    failure() {
      if (frameFailure !== undefined) return frameFailure
      if (isErrorJson(content)) return chatFailure(content, upstream)
      const marker = failedAt()
      const reason = marker === null ? content : content.slice(marker.index + marker[0].length).trim()
      if (isViolation) return verdict(reason, upstream)
      if (marker !== null) return markedFailure(reason, upstream)
      return videoUrl() === undefined ? proseFailure(content, upstream) : undefined
    },
    id: () => jobId ?? messageId,
    usage: () => usage,
    excerpt: () => excerptOf(content || unread, mask),
  }
}

// A frame without choices that brings an error in any dialect; beside choices, only an `error` of its own counts.
function isErrorFrame({ choices, error, object, message, detail }: ChatFrame): boolean {
  if (saysError(error)) return true
  return choices === undefined && (object === 'error' || saysError(message) || saysError(detail))
}

// `{"type":"error","error":"…"}` as the content of an ordinary chunk.
function isErrorJson(text: string): boolean {
  if (!/^\s*\{/.test(text)) return false
  const body = parse(text)
  return isRecord(body) && body.type === 'error'
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // Whoever asks knows what to do with text that is no JSON.
  }
}
