import { isRecord } from '../../upstream/is-record.js'
import { readMedia } from './media-field.js'
import { readPromptField } from './request-fields.js'
import type { RequestProblems } from './request-problems.js'

/** The user's message in a chat request. */
export interface ChatMessage {
  /** Path of the text, such as `messages[2].content`. */
  readonly field: string
  readonly text?: string
  /** The only image. */
  readonly image?: string
  /** The images, if there are several: they show what the video is about, and none of them is its first frame. */
  readonly references?: readonly string[]
  readonly audio?: string
  readonly video?: string
}

/** Maximum messages of a chat. */
const MAX_MESSAGES = 256

/** Reads the last message of the user; the messages before it are ignored, because no generator accepts a history. */
export function readLastMessage(problems: RequestProblems, messages: unknown): ChatMessage {
  const nothing: ChatMessage = { field: 'messages' }
  if (!Array.isArray(messages) || messages.length === 0 || messages.length > MAX_MESSAGES) {
    problems.add('messages', messages, `give a list of 1 to ${MAX_MESSAGES} messages`)
    return nothing
  }
  messages.forEach((message: unknown, index) => {
    if (!isRecord(message)) problems.add(`messages[${index}]`, message, 'give an object with role and content')
    else if (typeof message.role !== 'string') problems.add(`messages[${index}].role`, message.role, 'give a role')
  })
  const index = messages.findLastIndex((message: unknown) => isRecord(message) && message.role === 'user')
  if (index === -1) {
    problems.add('messages', messages, 'give a message of the role user: its content is the prompt')
    return nothing
  }
  const message: unknown = messages[index]
  return readContent(problems, `messages[${index}].content`, isRecord(message) ? message.content : undefined)
}

type Media = { readonly images: string[]; audio?: string; video?: string }

function readContent(problems: RequestProblems, field: string, content: unknown): ChatMessage {
  if (!Array.isArray(content)) return { field, ...textField(readPromptField(problems, field, content)) }
  const media: Media = { images: [] }
  const texts = content.flatMap((part: unknown, index) => readPart(problems, `${field}[${index}]`, part, media))
  const { images, ...others } = media
  const [image, ...more] = images
  const pictures = image === undefined ? {} : more.length === 0 ? { image } : { references: images }
  return { field, ...textField(readPromptField(problems, field, texts.join('\n'))), ...pictures, ...others }
}

/** Returns the text of a part, and adds its input to the previous ones. */
function readPart(problems: RequestProblems, path: string, part: unknown, media: Media): readonly string[] {
  if (!isRecord(part)) {
    problems.add(path, part, 'give an object with a type')
    return []
  }
  const { type, text } = part
  if (type === 'text') {
    if (typeof text !== 'string') problems.add(`${path}.text`, text, 'give a text')
    return typeof text === 'string' && text.trim() !== '' ? [text] : []
  }
  if (type === 'input_audio') {
    readAudio(problems, path, part, media)
    return []
  }
  if (type !== 'image_url' && type !== 'video_url') {
    problems.add(`${path}.type`, type, FIXES.get(type) ?? 'use text, image_url, video_url and input_audio')
    return []
  }
  const kind = type === 'image_url' ? 'image' : 'video'
  const field = `${path}.${type}`
  if (kind === 'video' && media.video !== undefined) {
    problems.note({ field, value: 'one more video', fix: 'leave it out: one video is accepted' })
    return []
  }
  const input = readMedia(problems, field, part[type], kind)
  if (input === undefined) return []
  if (kind === 'image') media.images.push(input)
  else media.video = input
  return []
}

// OpenAI's own form: `{ data, format }` with base64.
function readAudio(
  problems: RequestProblems,
  path: string,
  part: Readonly<Record<string, unknown>>,
  media: Media,
): void {
  const field = `${path}.input_audio`
  const { data, format } = isRecord(part.input_audio) ? part.input_audio : {}
  const isFormat = typeof format === 'string' && /^[a-z0-9]{1,10}$/.test(format)
  if (typeof data !== 'string' || !isFormat) {
    problems.add(field, part.input_audio, "give an object with base64 as data, and its format, such as 'mp3'")
    return
  }
  if (media.audio !== undefined) {
    problems.note({ field, value: 'one more sound', fix: 'leave it out: one sound is accepted' })
    return
  }
  const url = `data:audio/${format === 'mp3' ? 'mpeg' : format};base64,${data}`
  const input = readMedia(problems, `${field}.data`, url, 'audio')
  if (input !== undefined) media.audio = input
}

const FIXES: ReadonlyMap<unknown, string> = new Map([
  ['file', 'give an image as image_url, a video as video_url: files are not accepted'],
  ['input_text', 'use text'],
  ['input_image', 'use image_url'],
])

function textField(text: string | undefined): Pick<ChatMessage, 'text'> {
  return text === undefined ? {} : { text }
}
