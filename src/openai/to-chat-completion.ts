import { checkArgument, isAsyncIterable } from '../contracts/check-argument.js'
import type { PipelineEvent } from '../contracts/events.js'
import { rule } from '../contracts/option-rules.js'
import { type PipelineResult, type PipelineResultJson, toResultJson } from '../contracts/result.js'
import { answerContent } from './answer-content.js'
import type { ChatCompletion } from './chat-completion.js'
import {
  type ChatCompletionOptions,
  type ChatCompletionSettings,
  chatCompletionSettings,
} from './chat-completion-options.js'
import { chatCompletionUsage } from './chat-completion-usage.js'
import { type FormattableRun, resultAtEnd } from './formattable-run.js'

const A_RUN_OR_RESULT = rule(
  (value) => isAsyncIterable(value) || Object(Object(value).video) === Object(value).video,
  'give a run, such as that of pipeline.run(request), its events, or its result',
)

/**
 * Waits for a run and gives its answer as one chat completion, such as `{ id: 'chatcmpl-1', object: 'chat.completion', created:
 * 1703664000, model: 'sora-1.0', choices: [{ index: 0, message: { role: 'assistant', content: 'https://cdn.example/a.mp4' },
 * finish_reason: 'stop' }] }`. The options `texts`, `progress` and `role` are for streams and have no effect here.
 *
 * This never stops the run: cancel the run itself.
 *
 * @param run - A run, its events, or a result.
 * @throws ConfigurationError when an option is invalid, or `run` is none of these.
 * @throws the error of the run; `toOpenAiError` formats it.
 *
 * @example
 * ```ts
 * import { SoraPipeline, toChatCompletion } from 'sora-pipeline'
 *
 * const pipeline = new SoraPipeline({
 *   generator: { name: 'mock', generate: async () => ({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) },
 * })
 * const completion = await toChatCompletion(pipeline.run({ prompt: 'A cat playing piano' }))
 * console.log(completion.choices[0]?.message.content)
 * ```
 */
export async function toChatCompletion(
  run: FormattableRun | PipelineResult | PipelineResultJson,
  options: ChatCompletionOptions = {},
): Promise<ChatCompletion> {
  const settings = chatCompletionSettings('toChatCompletion', options)
  checkArgument('toChatCompletion', 'run', run, A_RUN_OR_RESULT)
  return chatCompletion(Symbol.asyncIterator in run ? await resultOf(run) : run, settings)
}

/** {@link toChatCompletion} of a result, with settings that were checked. */
export function chatCompletion(
  ended: PipelineResult | PipelineResultJson,
  { id, created, model, content, usage }: ChatCompletionSettings,
): ChatCompletion {
  const result = toResultJson(ended)
  return {
    id,
    object: 'chat.completion',
    created,
    model,
    choices: [
      { index: 0, message: { role: 'assistant', content: answerContent(content, result) }, finish_reason: 'stop' },
    ],
    ...(usage === 'include' && { usage: chatCompletionUsage(result) }),
  }
}

async function resultOf(run: FormattableRun): Promise<PipelineResultJson> {
  const { result } = run
  if (result !== undefined) return toResultJson(await result)
  let last: PipelineEvent | { readonly type: 'events-ended' } = { type: 'events-ended' }
  for await (const event of run) {
    last = event
    if (event.type === 'run-completed' || event.type === 'run-failed') break
  }
  return resultAtEnd(run, last)
}
