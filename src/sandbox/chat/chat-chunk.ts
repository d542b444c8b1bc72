import type { JsonObject } from '../../contracts/json.js'
import type { ChatVariant } from './chat-variant.js'

/** The addresses of a finished video. */
export interface ChatVideo {
  readonly taskId: string
  readonly url: string
  /** An earlier address, which some upstreams send first. */
  readonly originalUrl: string
}

/** The chunks of one answer. */
export interface ChatChunks {
  begin(): readonly JsonObject[]
  /** @param percent - 0 to 100. */
  progress(percent: number, status: string): readonly JsonObject[]
  finish(video: ChatVideo): readonly JsonObject[]
  /** The end of an answer that has no address. */
  finishWith(content: string, reasoning?: string): readonly JsonObject[]
}

/** Creates the chunks of an answer in the form of a variant. */
export function chatChunks(variant: ChatVariant, newId: () => string): ChatChunks {
  return variant === 'seed' ? seedChunks(newId()) : familyChunks(variant, newId)
}

function familyChunks(variant: Exclude<ChatVariant, 'seed'>, newId: () => string): ChatChunks {
  const chunk = (delta: JsonObject, finish: string | null = null): JsonObject => {
    const usage = finish === null ? { prompt_tokens: 0 } : { prompt_tokens: 0, completion_tokens: 1, total_tokens: 1 }
    return {
      // Every chunk has its own id, as in the family.
      id: newId(),
      object: 'chat.completion.chunk',
      created: Math.floor(Date.now() / 1000),
      model: 'sora',
      choices: [
        {
          index: 0,
          delta: { content: null, reasoning_content: null, tool_calls: null, ...delta },
          finish_reason: finish,
          native_finish_reason: finish,
        },
      ],
      usage,
    }
  }
  const output = ({ taskId }: ChatVideo, url: string, isFinal: boolean) => {
    return [{ url, type: 'video', task_id: taskId, watermark_free: isFinal }]
  }
  const html = ({ url }: ChatVideo) => `\`\`\`html\n<video src='${url}' controls></video>\n\`\`\``

  return {
    begin: () => [
      chunk({
        role: 'assistant',
        reasoning_content: '**Generation Process Begins**\n\nInitializing generation request...\n',
      }),
    ],
    progress: (percent, status) => [
      chunk({
        reasoning_content: `**Video Generation Progress**: ${percent}% (${status})\n`,
        ...(variant === 'delta-output' && { progress: percent / 100 }),
      }),
    ],
    finish(video) {
      switch (variant) {
        case 'delta-output':
          return [
            chunk({ output: output(video, video.originalUrl, false) }),
            chunk({ wm: { stage: 'ready', attempt: 1, can_cancel: false, task_id: video.taskId } }),
            chunk({ content: html(video), output: output(video, video.url, true) }, 'STOP'),
          ]
        case 'json':
          return [chunk({ content: JSON.stringify({ url: video.url }) }, 'STOP')]
        case 'markdown':
          return [chunk({ content: `![Generated Video](${video.url})` }, 'STOP')]
        case 'bare-url': {
          const middle = Math.floor(video.url.length / 2)
          return [
            chunk({ content: video.url.slice(0, middle) }),
            chunk({ content: video.url.slice(middle) }),
            chunk({}, 'STOP'),
          ]
        }
        case 'fenced-html':
          return [chunk({ content: html(video) }, 'STOP')]
      }
    },
    finishWith: (content, reasoning) => [
      ...(reasoning === undefined ? [] : [chunk({ reasoning_content: reasoning })]),
      chunk({ content }, 'STOP'),
    ],
  }
}

// The seed's own form has the same id in every chunk, and its keys in this order.
function seedChunks(id: string): ChatChunks {
  const created = Math.floor(Date.now() / 1000)
  const chunk = (content: string, finish: string | null = null): JsonObject => ({
    id,
    object: 'chat.completion.chunk',
    created,
    model: 'sora-1.0',
    choices: [{ index: 0, delta: { content }, finish_reason: finish }],
  })
  return {
    begin: () => [chunk('🎬 开始生成视频...')],
    progress: () => [],
    finish: ({ url }) => [
      ...['✅ 视频生成完成', '📤 发布视频获取Post ID...', '🔗 解析无水印URL...', '☁️ 上传到Google Drive...'].map(
        (text) => chunk(text),
      ),
      chunk(url, 'stop'),
    ],
    finishWith: (content) => [chunk(content, 'stop')],
  }
}
