import type { Clock } from '../contracts/clock.js'
import { describeValue } from '../contracts/errors.js'
import { ConfigurationError, type InputProblem } from '../contracts/input-errors.js'
import { systemClock } from '../timing/system-clock.js'
import type { AnswerFormat } from './answer-content.js'
import { wellFormed } from './plain-text.js'
import { chineseTexts, type ProgressTexts } from './progress-texts.js'

/** How a run is written as OpenAI objects. The defaults give the sora2api response format byte for byte. */
export interface ChatCompletionOptions {
  /**
   * Id of the completion, the same in every chunk.
   * @defaultValue `chatcmpl-` and 32 random hexadecimal digits
   */
  readonly id?: string | undefined
  /**
   * When the completion was made, in whole Unix seconds from 0.
   * @defaultValue now
   */
  readonly created?: number | undefined
  /**
   * Name of the model to answer with; what was really used is in the result of the run.
   * @defaultValue `sora-1.0`
   */
  readonly model?: string | undefined
  /**
   * What a stream says while the run goes on.
   * @defaultValue `chineseTexts`
   */
  readonly texts?: ProgressTexts | undefined
  /**
   * Where a stream says it. A client that joins the contents shows the progress as part of the answer with `content`, and
   * apart from it with `reasoning_content`, where every line ends in a line feed; `none` streams the answer alone.
   * @defaultValue `content`
   */
  readonly progress?: 'content' | 'reasoning_content' | 'none' | undefined
  /**
   * What the answer is made of. With a markup format and progress in `content`, every progress text ends in a blank line, so
   * that the answer stands alone.
   * @defaultValue `url`
   */
  readonly content?: AnswerFormat | undefined
  /**
   * Whether a stream begins, before anything happened, with a chunk whose delta is `{"role":"assistant"}`.
   * @defaultValue `omit` with progress in `content`, as sora2api does; otherwise `include`
   */
  readonly role?: 'include' | 'omit' | undefined
  /**
   * Whether to give token counts: in a stream as one more chunk with no choices at the end, and `"usage":null` in the
   * others, as OpenAI does for `stream_options.include_usage`. The counts are the upstream's; 0 stands for what it did not
   * count, as is usual for video.
   * @defaultValue `omit`
   */
  readonly usage?: 'include' | 'omit' | undefined
  /** Gives `created` its default. */
  readonly clock?: Clock | undefined
}

/** {@link ChatCompletionOptions} with every default filled in. */
export type ChatCompletionSettings = {
  readonly [Key in Exclude<keyof ChatCompletionOptions, 'clock'>]-?: NonNullable<ChatCompletionOptions[Key]>
}

/**
 * Checks options and fills in the defaults.
 * @throws ConfigurationError naming every option that cannot work.
 */
export function chatCompletionSettings(subject: string, options: ChatCompletionOptions): ChatCompletionSettings {
  const problems = [...problemsOf(options)]
  if (problems.length > 0) throw new ConfigurationError(subject, problems)
  const progress = options.progress ?? 'content'
  return {
    id: wellFormed(options.id ?? `chatcmpl-${crypto.randomUUID().replaceAll('-', '')}`),
    created: options.created ?? Math.floor((options.clock ?? systemClock).now() / 1000),
    model: wellFormed(options.model ?? 'sora-1.0'),
    texts: options.texts ?? chineseTexts,
    progress,
    content: options.content ?? 'url',
    role: options.role ?? (progress === 'content' ? 'omit' : 'include'),
    usage: options.usage ?? 'omit',
  }
}

const CHOICES = {
  progress: ['content', 'reasoning_content', 'none'],
  content: ['url', 'markdown', 'html', 'html-fenced'],
  role: ['include', 'omit'],
  usage: ['include', 'omit'],
} as const

function* problemsOf(options: ChatCompletionOptions): Iterable<InputProblem> {
  const problem = (field: string, value: unknown, fix: string) => ({ field, value: describeValue(value), fix })
  const { created, texts, clock } = options
  for (const field of ['id', 'model'] as const) {
    const value: unknown = options[field]
    if (value !== undefined && (typeof value !== 'string' || value === '')) {
      yield problem(field, value, 'give a text that is not empty')
    }
  }
  // A later instant than the year 5138 in seconds is today in milliseconds.
  if (created !== undefined && !(Number.isInteger(created) && created >= 0 && created < 1e11)) {
    yield problem('created', created, 'give whole Unix seconds')
  }
  for (const [field, choices] of Object.entries(CHOICES)) {
    const value: unknown = options[field as keyof typeof CHOICES]
    const isFunction = field === 'content' && typeof value === 'function'
    if (value !== undefined && !isFunction && !choices.some((choice) => choice === value)) {
      yield problem(field, value, `give ${field === 'content' ? 'a function or ' : ''}one of ${choices.join(', ')}`)
    }
  }
  if (texts !== undefined) {
    for (const [key, model] of Object.entries(chineseTexts)) {
      const value: unknown = texts?.[key as keyof ProgressTexts]
      if (typeof value !== typeof model) yield problem(`texts.${key}`, value, `give a ${typeof model}`)
    }
  }
  if (clock !== undefined && typeof clock?.now !== 'function') yield problem('clock', clock, 'give a Clock')
}
