import { anAsyncIterable, checkArgument } from '../contracts/check-argument.js'
import type { ChatCompletionChunk, ChatCompletionChunks } from './chat-completion-chunk.js'
import {
  type ChatCompletionOptions,
  type ChatCompletionSettings,
  chatCompletionSettings,
} from './chat-completion-options.js'
import type { ChatCompletionUsage } from './chat-completion-usage.js'
import { type ChatPart, ChatParts } from './chat-parts.js'
import type { FormattableRun } from './formattable-run.js'

const A_RUN = anAsyncIterable('give a run, such as that of pipeline.run(request), or its events')

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
 * @throws ConfigurationError at once, when an option is invalid, or `run` cannot be iterated.
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
  checkArgument('toChatCompletionChunks', 'run', run, A_RUN)
  // The caller may not await the result, and a rejection can come before the last event is read.
  run.result?.then(undefined, () => undefined)
  return chatChunks(run, settings)
}

// `toSse` writes the parts of these without making a chunk of each.
const origins = new WeakMap<object, { readonly run: FormattableRun; readonly settings: ChatCompletionSettings }>()

/** {@link toChatCompletionChunks} with settings that were checked. A rejected `result` must not count as unhandled. */
export function chatChunks(run: FormattableRun, settings: ChatCompletionSettings): ChatCompletionChunks {
  const chunks: ChatCompletionChunks = {
    [Symbol.asyncIterator]: () => readChunks(new ChatParts(run, settings), settings),
    emptyChunk: chunk(settings, [{ index: 0, delta: {}, finish_reason: null }]),
  }
  origins.set(Object.freeze(chunks), { run, settings })
  return chunks
}

/** What chunks are made of; `undefined` for those of others. */
export function originOf(chunks: object) {
  return origins.get(chunks)
}

// One read after the other, also for a reader that does not wait for the one before.
function readChunks(parts: ChatParts, settings: ChatCompletionSettings): AsyncIterator<ChatCompletionChunk> {
  const read = () =>
    new Promise<IteratorResult<ChatPart, unknown>>((resolve, reject) => {
      parts.read({ onStep: resolve, onFailure: reject })
    })
  let pending: Promise<unknown> | undefined
  return {
    async next() {
      const step = pending?.then(read, read) ?? read()
      pending = step
      try {
        const { done, value } = await step
        return done === true ? { done, value: undefined } : { done: false, value: chunkOf(settings, value) }
      } finally {
        if (pending === step) pending = undefined
      }
    },
    async return() {
      await parts.leave()
      return { done: true, value: undefined }
    },
  }
}

function chunkOf(settings: ChatCompletionSettings, part: ChatPart): ChatCompletionChunk {
  if ('usage' in part) return chunk(settings, [], part.usage)
  return chunk(settings, [{ index: 0, delta: { [part.field]: part.text }, finish_reason: part.finish }])
}

function chunk(
  { id, created, model, usage }: ChatCompletionSettings,
  choices: ChatCompletionChunk['choices'],
  counted: ChatCompletionUsage | null = null,
): ChatCompletionChunk {
  const object = 'chat.completion.chunk'
  return { id, object, created, model, choices, ...(usage === 'include' && { usage: counted }) }
}
