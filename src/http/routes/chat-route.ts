import { filledChatSettings } from '../../openai/chat-completion-options.js'
import { ChunkSource } from '../../openai/chunk-source.js'
import { chatCompletion } from '../../openai/to-chat-completion.js'
import { chatChunks } from '../../openai/to-chat-completion-chunks.js'
import type { PipelineRun } from '../../pipeline/pipeline-run.js'
import { abortable } from '../../upstream/abortable.js'
import type { Call } from '../call.js'
import { HttpRefusal } from '../http-refusal.js'
import { jsonAnswer, PlainAnswer } from '../plain-answer.js'
import { type ChatRequest, readChatRequest } from '../requests/chat-request.js'
import { ignoredHeader } from '../requests/other-fields.js'
import { readBody } from '../requests/read-body.js'
import { errorOfRun, inPlaceOf, RUN_ID_HEADER } from '../run-error.js'
import { chatErrorOf } from './chat-error.js'
import { EVENT_STREAM_HEADERS } from './event-stream.js'
import { modelReader } from './named-model.js'
import { ServedRun } from './served-run.js'
import { startRun } from './start-run.js'

/** `POST /chat/completions`: a video for the last message, as a stream of its progress or as one answer. */
export async function answerChat(call: Call): Promise<PlainAnswer> {
  const { settings, request, bodies } = call
  const body = await readBody(request, bodies)
  if (body.kind !== 'json') {
    const message = 'Could not read the body: it is a form; send application/json'
    throw new HttpRefusal({ status: 415, code: 'unsupported_media_type', message })
  }
  const chat = readChatRequest(body.value, { readModel: modelReader(settings), readPrompt: settings.readPrompt })
  const { request: video, otherFields } = chat
  const run = await startRun(call, { video, otherFields, route: 'chat' }).catch((error: unknown) => {
    throw inPlaceOf(error, chatErrorOf(error, chat.mediaField))
  })
  return chat.stream ? streamed(call, chat, run) : whole(call, chat, run)
}

function streamed(call: Call, chat: ChatRequest, run: PipelineRun): PlainAnswer {
  const { settings } = call
  const { heartbeatMs, onDisconnect, clock } = settings
  const ended = call.ending()
  const body = new ChunkSource(chatChunks(servedRun(call, chat, run), formatOf(call, chat, run)), {
    clock,
    heartbeatMs: heartbeatMs || Number.POSITIVE_INFINITY,
    errorContent: 'include',
    runId: run.id,
    onCancel: onDisconnect === 'cancel' ? (reason) => void run.cancel(reason) : undefined,
    onAnswer: (error) => ended(error, false),
    onCut: () => ended(undefined, true),
  })
  return new PlainAnswer(200, { ...EVENT_STREAM_HEADERS, ...headersOf(chat, run) }, body)
}

async function whole(call: Call, chat: ChatRequest, run: PipelineRun): Promise<PlainAnswer> {
  const { settings, request } = call
  const { signal } = request
  const cancel = () => void run.cancel(signal.reason)
  if (settings.onDisconnect === 'cancel') signal.addEventListener('abort', cancel, { once: true })
  try {
    const result = await abortable(signal, servedRun(call, chat, run).result)
    // As OpenAI answers: the option is for streams. Without a report of the upstream there is nothing to add to the answer.
    const includeUsage = chat.includeUsage || result.usage !== undefined
    const completion = chatCompletion(result, formatOf(call, { ...chat, includeUsage }, run))
    return jsonAnswer(completion, { headers: headersOf(chat, run) })
  } catch (error) {
    throw errorOfRun(run.id, error)
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

function servedRun({ settings, url }: Call, { mediaField }: ChatRequest, run: PipelineRun): ServedRun {
  return new ServedRun(run, settings, url.origin, (error) => chatErrorOf(error, mediaField))
}

// Checked: the options when the handler was created, the name of the model when the request was read.
function formatOf({ settings }: Call, { model, includeUsage }: ChatRequest, { id }: PipelineRun) {
  const { texts, progress, content, role, clock } = settings
  const usage = includeUsage ? ('include' as const) : ('omit' as const)
  const options = { texts, progress, content, role, usage, clock, model }
  return filledChatSettings({ ...options, id: `chatcmpl-${id.replace(/^video_/, '')}` })
}

function headersOf({ ignored }: ChatRequest, { id }: PipelineRun): Record<string, string> {
  return { [RUN_ID_HEADER]: id, ...ignoredHeader(ignored) }
}
