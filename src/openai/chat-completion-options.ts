import {
  checkOptions,
  type OptionProblem,
  type OptionRules,
  optionProblem,
  unknownNames,
} from '../contracts/check-options.js'
import type { Clock } from '../contracts/clock.js'
import { choice, number, rule, ruleOf, withMethods } from '../contracts/option-rules.js'
import { systemClock } from '../timing/system-clock.js'
import type { AnswerFormat } from './answer-content.js'
import { wellFormed } from './plain-text.js'
import { chineseTexts, type ProgressTexts } from './progress-texts.js'

/** Options of the OpenAI formats. The defaults give the sora2api response format byte for byte. */
export interface ChatCompletionOptions {
  /**
   * Id of the completion, the same in every chunk; a text that is not empty.
   * @defaultValue `chatcmpl-` and 32 random hexadecimal digits
   */
  readonly id?: string | undefined
  /**
   * When the completion was created, in whole Unix seconds from 0 and below 100,000,000,000. A larger number, such as
   * milliseconds, is refused.
   * @defaultValue now
   */
  readonly created?: number | undefined
  /**
   * Name of the model in the answer; a text that is not empty. The model that made the video is in the result of the run.
   * @defaultValue `sora-1.0`
   */
  readonly model?: string | undefined
  /**
   * Progress texts of a stream. A function among them that throws loses its line, but never stops the stream.
   * @defaultValue `chineseTexts`
   */
  readonly texts?: ProgressTexts | undefined
  /**
   * Where a stream shows progress. With `content` a client that joins the contents shows it as part of the answer; with
   * `reasoning_content` it is separate from the answer, and every line ends in a line feed; `none` streams only the answer.
   * @defaultValue `content`
   */
  readonly progress?: 'content' | 'reasoning_content' | 'none' | undefined
  /**
   * Format of the answer. With a markup format and progress in `content`, every progress text ends in a blank line, to separate
   * it from the answer.
   * @defaultValue `url`
   */
  readonly content?: AnswerFormat | undefined
  /**
   * Whether a stream starts with a chunk whose delta is `{"role":"assistant"}`, before the first event.
   * @defaultValue `omit` with progress in `content`, as sora2api does; otherwise `include`
   */
  readonly role?: 'include' | 'omit' | undefined
  /**
   * Whether to include token counts: in a stream as one more chunk with no choices at the end, and `"usage":null` in the others,
   * as OpenAI does for `stream_options.include_usage`. The counts are those of the upstream; a missing count is 0, as usual for
   * video.
   * @defaultValue `omit`
   */
  readonly usage?: 'include' | 'omit' | undefined
  /** Clock for the default of `created`; only `now()` is used. @defaultValue the system clock */
  readonly clock?: Clock | undefined
}

/** {@link ChatCompletionOptions} with every default filled in. */
export type ChatCompletionSettings = {
  readonly [Key in Exclude<keyof ChatCompletionOptions, 'clock'>]-?: NonNullable<ChatCompletionOptions[Key]>
}

/**
 * Checks options and fills in the defaults.
 * @throws ConfigurationError naming every invalid option.
 */
export function chatCompletionSettings(subject: string, options: ChatCompletionOptions): ChatCompletionSettings {
  checkOptions(subject, options, CHAT_RULES)
  return filledChatSettings(options)
}

/** Fills in the defaults of options that were checked. */
export function filledChatSettings(options: ChatCompletionOptions): ChatCompletionSettings {
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

const notEmpty = rule((value) => typeof value === 'string' && value !== '', 'give a text that is not empty')
const FORMATS = ['url', 'markdown', 'html', 'html-fenced']

const CHAT_RULES: OptionRules<ChatCompletionOptions> = {
  id: notEmpty,
  model: notEmpty,
  // Milliseconds of today, as seconds, are later than the year 5138.
  created: number((value) => Number.isInteger(value) && value >= 0 && value < 1e11, 'give whole Unix seconds'),
  progress: choice('content', 'reasoning_content', 'none'),
  content: rule(
    (value) => typeof value === 'function' || FORMATS.includes(String(value)),
    `give a function or one of ${FORMATS.join(', ')}`,
  ),
  role: choice('include', 'omit'),
  usage: choice('include', 'omit'),
  texts: ruleOf(textsProblems),
  clock: withMethods('now'),
}

function textsProblems(field: string, texts: unknown): readonly OptionProblem[] {
  const known = Object.entries(chineseTexts)
  if (typeof texts !== 'object' || texts === null) {
    return [optionProblem(field, texts, 'give chineseTexts, englishTexts or texts of your own')]
  }
  const unknown = unknownNames(Object.keys(texts), [...known.map(([name]) => name), 'lineEnd'], `${field}.`)
  const wrong = known.map(([name, model]) => {
    const value: unknown = Object(texts)[name]
    return typeof value === typeof model
      ? undefined
      : optionProblem(`${field}.${name}`, value, `give a ${typeof model}`)
  })
  const { lineEnd } = Object(texts)
  const isEnd = lineEnd === undefined || typeof lineEnd === 'string'
  return [...unknown, ...wrong, isEnd ? undefined : optionProblem(`${field}.lineEnd`, lineEnd, 'give a string')]
}
