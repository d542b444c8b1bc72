import type { SoraPipelineError } from '../../../contracts/errors.js'
import type { JsonObject } from '../../../contracts/json.js'
import type { StageContext } from '../../../contracts/stage.js'
import { UpstreamResponseError } from '../../../contracts/upstream-errors.js'
import type { AnswerHeaders } from '../../../upstream/answer.js'
import { excerptOf } from '../../../upstream/error-details.js'
import { saysError } from '../../../upstream/error-meaning.js'
import { isRecord } from '../../../upstream/is-record.js'
import { jsonOf } from '../../../upstream/json-of.js'
import { requestIdFrom } from '../../../upstream/request-id.js'
import { fileEvidence, type VideoOutput, videoOutputs } from '../../../upstream/video-output.js'
import { jobStateOf } from '../answers/job-state.js'
import { type ChatCandidate, chatCandidates, FILE_EVIDENCE, LAST_RESORT, type UrlSearch } from './chat-candidates.js'
import { type ChatUpstream, chatFailure, isKnownFailure, markedFailure, proseFailure, verdict } from './chat-failure.js'
import { type ChatDelta, ChatFrame, otherFields, otherParts } from './chat-frame.js'
import { isNotice, isProgress } from './chat-notice.js'
import { contentProgress, reasoningProgress } from './chat-progress.js'
import { createToolCalls } from './chat-tool-calls.js'

/** The text of an upstream so far, and its meaning. */
export interface ChatTranscript {
  /** Sets the headers of the answer: an error in its body carries the id of the request. */
  begin(headers: AnswerHeaders): void
  /** Adds the data of one event, or a whole answer; `end` when nothing more is expected. */
  add(data: string): 'more' | 'end'
  /**
   * The video, if there is evidence for one. Of a stream without an end, only an address that is certainly complete.
   */
  video(): VideoOutput | undefined
  /** A preview, if there is one: for a message that names no other video. */
  lastResort(): VideoOutput | undefined
  /** Bare links, the last first. */
  links(): readonly string[]
  /** The upstream's own verdict, if it gave one. */
  failure(): SoraPipelineError | undefined
  /** The upstream's id of the job, else of the message. */
  id(): string | undefined
  usage(): JsonObject | undefined
  /** The beginning of the text, for messages. */
  excerpt(): string
}

const MOST_REASONING = 1_000_000
const POLICY = /content policy violation/i
// OpenAI, Zhipu, Google, Anthropic.
const FILTERED =
  /^(?:content_?filter(?:ed)?|sensitive|(?:image_)?safety|prohibited_content|blocklist|spii|recitation|refusal|moderat\w*|content_policy\w*|nsfw)$/i
const FAILED = /❌\s?(?:生成失败|generation failed)\s?[:：]?/i
// After this the content is the result, not prose about progress.
const RESULT = /https?:|[<`{]|!\[/

/** Creates an empty transcript with a maximum of characters. It reports progress through the given context. */
export function createChatTranscript(
  initial: ChatUpstream,
  search: UrlSearch,
  { report, maxContent }: Pick<StageContext, 'report'> & { readonly maxContent: number },
): ChatTranscript {
  const { mask, host } = initial
  let upstream = initial
  const outputs: VideoOutput[] = []
  const toolCalls = createToolCalls()
  let jobId: string | undefined
  let messageId: string | undefined
  let content = ''
  let reasoning = ''
  let refusal = ''
  let lastContent = ''
  let unread = ''
  let isViolation = false
  let isFinished = false
  let isResult = false
  let frameFailure: SoraPipelineError | undefined
  // The last frame with a message of its own; a failure only if no other content follows.
  let notice = ''
  let usage: JsonObject | undefined

  function addOutput(delta: ChatDelta): void {
    for (const entry of delta.output ?? []) {
      jobId = entry.generation_id || entry.task_id || jobId
      // Two entries, so that each is read as one of several.
      for (const output of videoOutputs({ output: [entry, {}] }, search.base).toReversed()) add(output)
    }
    toolCalls.add(delta)
    for (const output of videoOutputs(otherFields(delta), search.base).toReversed()) add(output)
  }

  function add(output: VideoOutput): void {
    if (output.kind === 'bytes' || search.accepts(output.url)) outputs.push(output)
  }

  function addContent(text: string): void {
    if (content.length + text.length > maxContent) {
      const message = `Could not generate the video: ${host} wrote more than ${maxContent} characters`
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
    refusal += delta.refusal ?? ''
    if (reasoning.length < MOST_REASONING) reasoning += prose
    const progress = reasoningProgress(delta, mask)
    if (progress !== undefined) report(progress)
    addOutput(delta)
    if (isErrorJson(text)) frameFailure ??= chatFailure(text, upstream)
    else if (text !== '') addContent(text)
  }

  // The reason of a failure may contain an address too: that of the rules that were broken.
  const failedAt = () => FAILED.exec(content)
  const prose = () => content.slice(0, failedAt()?.index)

  function video(): VideoOutput | undefined {
    const output = outputs.findLast(({ isLastResort }) => isLastResort === undefined)
    if (output !== undefined || isViolation || isErrorJson(content)) return output
    const [best] = chatCandidates(prose(), search)
    if (best === undefined || best.evidence <= LAST_RESORT) return ofReasoning() ?? ofToolCalls()
    return isPerhapsCut(best) ? undefined : best.output
  }

  function lastResort(): VideoOutput | undefined {
    if (isViolation || isErrorJson(content) || failedAt() !== null) return undefined
    const isFile = ({ output }: ChatCandidate) => output.kind === 'url' && fileEvidence(new URL(output.url)) === 3
    const isLast = (each: ChatCandidate) => each.evidence === LAST_RESORT && !isPerhapsCut(each)
    const best = chatCandidates(prose(), search).find(isLast)
    const ofThought = () => chatCandidates(reasoning, search).find((each) => isLast(each) && isFile(each))
    return outputs.at(-1) ?? (best ?? ofThought())?.output
  }

  // Only an address that is certainly a video: the reasoning of a model is full of others.
  function ofReasoning(): VideoOutput | undefined {
    const [best] = chatCandidates(reasoning, search)
    return best !== undefined && best.evidence >= FILE_EVIDENCE && failedAt() === null ? best.output : undefined
  }

  // Some servers present the video through a tool of the client.
  function ofToolCalls(): VideoOutput | undefined {
    const candidates = toolCalls.texts().flatMap((text) => chatCandidates(text, search))
    return candidates.findLast(({ evidence }) => evidence > LAST_RESORT)?.output
  }

  function isPerhapsCut({ written }: ChatCandidate): boolean {
    return !isFinished && prose().endsWith(written) && !lastContent.includes(written)
  }

  function links(): readonly string[] {
    const mere = isFinished && !isViolation ? chatCandidates(prose(), search) : []
    return mere.flatMap(({ output, evidence }) => (evidence < LAST_RESORT && output.kind === 'url' ? [output.url] : []))
  }

  return {
    begin: (headers) => {
      upstream = { ...initial, requestId: requestIdFrom(headers, mask) }
    },
    add(data) {
      if (data.trimStart().startsWith('[DONE]')) {
        isFinished = true
        return 'end'
      }
      const body = parse(data)
      const frame = ChatFrame.safeParse(body)
      if (!frame.success) {
        unread ||= data
        return 'more'
      }
      const { id, choices = [] } = frame.data
      if (isErrorFrame(frame.data) || (isNotice(frame.data) && isKnownFailure(data))) {
        frameFailure ??= chatFailure(data, upstream)
        return 'end'
      }
      if (isNotice(frame.data)) notice = data
      messageId ??= id || undefined
      usage = frame.data.usage ?? usage
      for (const output of videoOutputs(otherParts(body), search.base)) add(output)
      for (const { delta, message, finish_reason } of choices) {
        addDelta(delta ?? message ?? {})
        isFinished ||= finish_reason !== undefined
        isViolation ||= FILTERED.test(finish_reason ?? '')
      }
      return frameFailure === undefined ? 'more' : 'end'
    },
    video,
    lastResort,
    links,
    failure() {
      if (frameFailure !== undefined) return frameFailure
      if (isErrorJson(content)) return chatFailure(content, upstream)
      const isAlone = content === '' && refusal === '' && !isViolation && video() === undefined
      if (notice !== '' && isAlone) return isProgress(notice) ? undefined : chatFailure(notice, upstream)
      if (refusal !== '' && video() === undefined) return verdict(refusal, upstream)
      const marker = failedAt()
      const reason = marker === null ? content : content.slice(marker.index + marker[0].length).trim()
      if (isViolation) return verdict(reason, upstream)
      if (marker !== null) return markedFailure(reason, upstream)
      if (video() !== undefined) return undefined
      // Some servers report a failure in the field for progress.
      const failed = content.trim() === '' ? FAILED.exec(reasoning) : null
      if (failed !== null) return markedFailure(reasoning.slice(failed.index + failed[0].length).trim(), upstream)
      return proseFailure(content, upstream)
    },
    id: () => jobId ?? messageId,
    usage: () => usage,
    excerpt: () => excerptOf(content || notice || unread, mask),
  }
}

// A frame without choices that reports an error in any dialect; with choices, only its own `error` counts.
function isErrorFrame({ choices, error, object, type, success, status, state, code }: ChatFrame): boolean {
  if (saysError(error)) return true
  const isFailed = [status, state].some((word) => typeof word === 'string' && jobStateOf(word) === 'failed')
  const isError = object === 'error' || type === 'error' || success === false || Number(code) >= 400
  return choices === undefined && (isError || isFailed)
}

// `{"type":"error","error":"…"}` or `{"status":"failed","error":"…"}` as the content of an ordinary chunk, or as its
// last line.
function isErrorJson(text: string): boolean {
  if (!/^\s*\{/.test(text)) return false
  const body = jsonOf(text)
  if (!isRecord(body)) return false
  const { type, status, state } = body
  return type === 'error' || [status, state].some((word) => typeof word === 'string' && jobStateOf(word) === 'failed')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // The caller handles text that is not JSON.
  }
}
