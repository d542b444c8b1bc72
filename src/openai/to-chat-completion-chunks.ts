import { answerContent } from './answer-content.js'
import type { ChatCompletionChunk, ChatCompletionChunkDelta, ChatCompletionChunks } from './chat-completion-chunk.js'
import {
  type ChatCompletionOptions,
  type ChatCompletionSettings,
  chatCompletionSettings,
} from './chat-completion-options.js'
import { type ChatCompletionUsage, chatCompletionUsage } from './chat-completion-usage.js'
import { type FormattableRun, type RunEnd, resultAtEnd } from './formattable-run.js'
import { wellFormed } from './plain-text.js'
import { NOTHING_SAID, nextProgressLine, type ProgressLine } from './progress-line.js'

/**
 * Formats a run while it continues: one chunk for each progress line, then one with the answer and `finish_reason: "stop"`. By
 * default the chunks are those of the sora2api response format byte for byte; percentages, failed attempts, fallbacks, failed
 * stages and warnings are additional chunks of the same shape, thinned to a readable rate.
 *
 * Each reader starts at the first event of the run, and all readers see the same id. A reader that leaves stops only itself,
 * never the run.
 *
 * For a failed run the iteration throws the rejection of `run.result`, or without a `result` an error with the same code created
 * from the last event. `toSse` and `toOpenAiError` format it. After a URL there is never an error.
 *
 * @throws ConfigurationError at once, when an option is invalid.
 *
 * @example
 * ```ts
 * import { SoraPipeline, toChatCompletionChunks } from 'sora-pipeline'
 *
 * const pipeline = new SoraPipeline({
 *   generator: { name: 'mock', generate: async () => ({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) },
 * })
 * for await (const chunk of toChatCompletionChunks(pipeline.run({ prompt: 'A cat playing piano' }))) {
 *   console.log(chunk.choices[0]?.delta.content)
 * }
 * ```
 */
export function toChatCompletionChunks(run: FormattableRun, options: ChatCompletionOptions = {}): ChatCompletionChunks {
  const settings = chatCompletionSettings('toChatCompletionChunks', options)
  return { [Symbol.asyncIterator]: () => readChunks(run, settings), emptyChunk: openChunk(settings, {}) }
}

// A generator function that waits for an event notices a reader that left only after the event, so its events are ended from
// outside.
function readChunks(run: FormattableRun, settings: ChatCompletionSettings): AsyncIterator<ChatCompletionChunk> {
  const events = run[Symbol.asyncIterator]()
  const reader = { hasLeft: false }
  const { result } = run
  const chunks = chunksOf({ result, [Symbol.asyncIterator]: () => events }, settings, reader)
  return {
    next: () => chunks.next(),
    async return() {
      reader.hasLeft = true
      await events.return?.()
      return chunks.return(undefined)
    },
  }
}

async function* chunksOf(
  run: FormattableRun,
  settings: ChatCompletionSettings,
  reader: { readonly hasLeft: boolean },
): AsyncGenerator<ChatCompletionChunk> {
  // The caller may not await the result, and a rejection can come before the last event is read.
  run.result?.then(undefined, () => undefined)
  if (settings.role === 'include') yield openChunk(settings, { role: 'assistant' })
  const { texts, progress } = settings
  let end: RunEnd = { type: 'events-ended' }
  let state = NOTHING_SAID
  try {
    for await (const event of run) {
      if (event.type === 'run-completed' || event.type === 'run-failed') {
        end = event
        break
      }
      if (progress === 'none') continue
      let text: string | undefined
      try {
        const next = nextProgressLine(state, event, texts)
        state = next.state
        text = next.line && wellFormed(next.line.text) + lineEnd(settings, next.line)
      } catch {
        continue // A text function of the caller threw: its line is lost, but not the paid video.
      }
      if (text !== undefined) yield openChunk(settings, { [progress]: text })
    }
  } catch (error) {
    end = { type: 'events-failed', error }
  }
  if (reader.hasLeft) return
  const result = await resultAtEnd(run, end)
  yield chunk(settings, [
    { index: 0, delta: { content: answerContent(settings.content, result) }, finish_reason: 'stop' },
  ])
  if (settings.usage === 'include') yield chunk(settings, [], chatCompletionUsage(result))
}

// The five steps of the format have no line feed; without one, a client that joins contents would join the notes and the URL.
function lineEnd({ progress, content, texts }: ChatCompletionSettings, { kind }: ProgressLine): string {
  if (progress === 'reasoning_content') return '\n'
  if (typeof content === 'string' && content !== 'url') return '\n\n'
  return kind === 'step' ? (texts.lineEnd ?? '') : '\n'
}

function openChunk(settings: ChatCompletionSettings, delta: ChatCompletionChunkDelta): ChatCompletionChunk {
  return chunk(settings, [{ index: 0, delta, finish_reason: null }])
}

function chunk(
  { id, created, model, usage }: ChatCompletionSettings,
  choices: ChatCompletionChunk['choices'],
  counted: ChatCompletionUsage | null = null,
): ChatCompletionChunk {
  const object = 'chat.completion.chunk'
  return { id, object, created, model, choices, ...(usage === 'include' && { usage: counted }) }
}
