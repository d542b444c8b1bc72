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
 * Formats a run as it goes on: one chunk for each thing that a person wants to know, then one with the answer and
 * `finish_reason: "stop"`. By default the chunks are those of the sora2api response format byte for byte; percentages,
 * failed attempts, fallbacks, failed stages and warnings come as more chunks of the same shape, thinned to what can be read.
 *
 * Each reader reads the run from its first event, and all of them see the same id. A reader that leaves stops only itself;
 * nothing here stops a run or costs anything.
 *
 * A run that fails makes the iteration throw: the rejection of `run.result`, or without one an error with the same code made
 * of the last event. `toSse` and `toOpenAiError` take it from there. After a URL there is never an error.
 *
 * @throws ConfigurationError at once, when an option cannot work.
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

// A generator that waits for an event hears of a reader who left only after it: so its events are ended under it.
function readChunks(run: FormattableRun, settings: ChatCompletionSettings): AsyncIterator<ChatCompletionChunk> {
  const events = run[Symbol.asyncIterator]()
  const reader = new AbortController()
  const { result } = run
  const chunks = chunksOf({ result, [Symbol.asyncIterator]: () => events }, settings, reader.signal)
  return {
    next: () => chunks.next(),
    async return() {
      reader.abort()
      await events.return?.()
      return chunks.return(undefined)
    },
  }
}

async function* chunksOf(
  run: FormattableRun,
  settings: ChatCompletionSettings,
  left: AbortSignal,
): AsyncGenerator<ChatCompletionChunk> {
  // Whoever made the run may not look at its result, and a rejection can come before the last event was read.
  run.result?.then(undefined, () => undefined)
  if (settings.role === 'include') yield openChunk(settings, { role: 'assistant' })
  const end = yield* progressChunks(run, settings)
  if (left.aborted) return
  const result = await resultAtEnd(run, end)
  yield chunk(settings, [
    { index: 0, delta: { content: answerContent(settings.content, result) }, finish_reason: 'stop' },
  ])
  if (settings.usage === 'include') yield chunk(settings, [], chatCompletionUsage(result))
}

async function* progressChunks(
  run: FormattableRun,
  settings: ChatCompletionSettings,
): AsyncGenerator<ChatCompletionChunk, RunEnd> {
  const { texts, progress } = settings
  let state = NOTHING_SAID
  try {
    for await (const event of run) {
      if (event.type === 'run-completed' || event.type === 'run-failed') return event
      if (progress === 'none') continue
      let text: string | undefined
      try {
        const next = nextProgressLine(state, event, texts)
        state = next.state
        text = next.line && wellFormed(next.line.text) + lineEnd(settings, next.line)
      } catch {
        continue // A text function of the caller is broken: its line is lost, the video that is being paid for is not.
      }
      if (text !== undefined) yield openChunk(settings, { [progress]: text })
    }
    return { type: 'events-ended' }
  } catch (error) {
    return { type: 'events-failed', error }
  }
}

// The five steps of the format have no line feed; a client that joins contents would run the notes and the URL together.
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
