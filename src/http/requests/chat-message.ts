import { isRecord } from '../../upstream/is-record.js'
import { readMedia } from './media-field.js'
import { readPromptField } from './request-fields.js'
import type { RequestProblems } from './request-problems.js'

/** The user's message in a chat request. */
export interface ChatMessage {
  /** Path of the text, such as `messages[2].content`. */
  readonly field: string
  readonly text?: string
  readonly image?: string
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

type Media = { image?: string; video?: string }

function readContent(problems: RequestProblems, field: string, content: unknown): ChatMessage {
  if (!Array.isArray(content)) return { field, ...textField(readPromptField(problems, field, content)) }
  const media: Media = {}
  const texts = content.flatMap((part: unknown, index) => readPart(problems, `${field}[${index}]`, part, media))
  return { field, ...textField(readPromptField(problems, field, texts.join('\n'))), ...media }
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
  if (type !== 'image_url' && type !== 'video_url') {
    problems.add(`${path}.type`, type, FIXES.get(type) ?? 'use text, image_url and video_url')
    return []
  }
  const kind = type === 'image_url' ? 'image' : 'video'
  const field = `${path}.${type}`
  if (media[kind] === undefined) {
    const input = readMedia(problems, field, part[type], kind)
    if (input !== undefined) media[kind] = input
  } else problems.note({ field, value: `one more ${kind}`, fix: `leave it out: one ${kind} is accepted` })
  return []
}

const FIXES: ReadonlyMap<unknown, string> = new Map([
  ['file', 'give an image as image_url, a video as video_url: files are not accepted'],
  ['input_audio', 'leave it out: audio is not accepted'],
  ['input_text', 'use text'],
  ['input_image', 'use image_url'],
])

function textField(text: string | undefined): Pick<ChatMessage, 'text'> {
  return text === undefined ? {} : { text }
}
