import type { ErrorCode } from '../contracts/errors.js'
import type { StageName } from '../contracts/stage.js'

/**
 * Progress texts of a stream. Change some of them by spreading a predefined set. A function that throws loses its line, but never
 * stops the stream.
 *
 * @example
 * ```ts
 * import { englishTexts, type ProgressTexts } from 'sora-pipeline'
 *
 * const texts: ProgressTexts = { ...englishTexts, generating: 'Rendering...' }
 * console.log(texts.uploading('Google Drive'))
 * ```
 */
export interface ProgressTexts {
  /**
   * Line end of the five steps in `delta.content` before a bare URL, for clients that join the contents. Other lines, and lines
   * of other formats, always end in a line feed.
   * @defaultValue none, as in the sora2api response format
   */
  readonly lineEnd?: string | undefined
  /** The generation started. */
  readonly generating: string
  /** The video exists. */
  readonly generated: string
  /** Publishing started. */
  readonly publishing: string
  /** Resolving started. */
  readonly resolving: string
  /** The upload started. @param target - Label of the uploader, or its name without one. */
  readonly uploading: (target: string) => string
  /** The upstream reported progress. @param percent - A whole number, 1 to 100. */
  readonly progressed: (stage: StageName, percent: number) => string
  /** No progress for a while. @param phase - State at the upstream, such as `queued`, if it is plain text. */
  readonly waiting: (stage: StageName, elapsedSeconds: number, phase: string | undefined) => string
  /** A strategy failed once. @param strategy - Its label, or its name without one. */
  readonly attemptFailed: (stage: StageName, strategy: string, code: ErrorCode) => string
  /** The next strategy takes over. @param next - Its name. */
  readonly fellBack: (stage: StageName, next: string) => string
  /** A stage after the generation failed, and the run continues without it. */
  readonly stageFailed: (stage: StageName, code: ErrorCode) => string
  /** A warning of the run. @param message - One line without markup. */
  readonly warned: (message: string) => string
}

const CHINESE_STAGES: Readonly<Record<StageName, string>> = {
  generate: '生成视频',
  publish: '发布视频',
  resolve: '解析URL',
  upload: '上传视频',
}

const CHINESE_REASONS: Readonly<Record<ErrorCode, string>> = {
  'configuration-invalid': '配置有误',
  'request-invalid': '请求有误',
  authentication: '密钥无效',
  'quota-exceeded': '额度不足',
  'rate-limited': '请求过于频繁',
  'content-rejected': '内容违规',
  'region-unsupported': '地区不支持',
  overloaded: '服务过载',
  'circuit-open': '多次失败，暂停使用',
  network: '网络问题',
  'upstream-http': '服务返回错误',
  'upstream-response': '服务返回内容无法识别',
  'generation-failed': '生成失败',
  'submission-unknown': '提交结果未知',
  'stage-timeout': '超时',
  'all-strategies-failed': '所有方式均失败',
  'no-usable-url': '没有可用的URL',
  'run-state': '任务状态有误',
  'run-fenced': '任务已被其他进程接管',
  aborted: '已取消',
  unexpected: '意外错误',
}

/** Chinese texts; the first five are those of the sora2api response format. */
export const chineseTexts: ProgressTexts = {
  generating: '🎬 开始生成视频...',
  generated: '✅ 视频生成完成',
  publishing: '📤 发布视频获取Post ID...',
  resolving: '🔗 解析无水印URL...',
  uploading: (target) => `☁️ 上传到${target}...`,
  progressed: (stage, percent) => `⏳ ${CHINESE_STAGES[stage]}：${percent}%`,
  waiting: (stage, elapsedSeconds, phase) =>
    `⏳ ${CHINESE_STAGES[stage]}：已用时${elapsedSeconds}秒${phase === undefined ? '' : `（${phase}）`}`,
  attemptFailed: (stage, strategy, code) =>
    `⚠️ ${CHINESE_STAGES[stage]}：${strategy}失败（${CHINESE_REASONS[code] ?? code}）`,
  fellBack: (stage, next) => `↪️ ${CHINESE_STAGES[stage]}：改用${next}`,
  stageFailed: (stage, code) => `⚠️ ${CHINESE_STAGES[stage]}失败（${CHINESE_REASONS[code] ?? code}），回退到已有的URL`,
  warned: (message) => `⚠️ ${message}`,
}

const ENGLISH_STAGES: Readonly<Record<StageName, string>> = {
  generate: 'Generation',
  publish: 'Publishing',
  resolve: 'URL resolution',
  upload: 'Upload',
}

const ENGLISH_REASONS: Readonly<Record<ErrorCode, string>> = {
  'configuration-invalid': 'wrong configuration',
  'request-invalid': 'invalid request',
  authentication: 'key refused',
  'quota-exceeded': 'no quota left',
  'rate-limited': 'too many requests',
  'content-rejected': 'content policy',
  'region-unsupported': 'region not served',
  overloaded: 'overloaded',
  'circuit-open': 'circuit open after failures',
  network: 'network trouble',
  'upstream-http': 'the service answered with an error',
  'upstream-response': 'unreadable answer',
  'generation-failed': 'the generation failed',
  'submission-unknown': 'unknown whether it was accepted',
  'stage-timeout': 'timed out',
  'all-strategies-failed': 'every strategy failed',
  'no-usable-url': 'no usable URL',
  'run-state': 'run state unreadable',
  'run-fenced': 'taken over by another process',
  aborted: 'cancelled',
  unexpected: 'unexpected error',
}

/** English texts; each line ends in a line feed. */
export const englishTexts: ProgressTexts = {
  lineEnd: '\n',
  generating: '🎬 Generating the video...',
  generated: '✅ Video generated',
  publishing: '📤 Publishing the video to get its post id...',
  resolving: '🔗 Resolving the watermark-free URL...',
  uploading: (target) => `☁️ Uploading to ${target}...`,
  progressed: (stage, percent) => `⏳ ${ENGLISH_STAGES[stage]}: ${percent}%`,
  waiting: (stage, elapsedSeconds, phase) =>
    `⏳ ${ENGLISH_STAGES[stage]}: ${elapsedSeconds} s so far${phase === undefined ? '' : ` (${phase})`}`,
  attemptFailed: (stage, strategy, code) =>
    `⚠️ ${ENGLISH_STAGES[stage]}: ${strategy} failed (${ENGLISH_REASONS[code] ?? code})`,
  fellBack: (stage, next) => `↪️ ${ENGLISH_STAGES[stage]}: trying ${next}`,
  stageFailed: (stage, code) =>
    `⚠️ ${ENGLISH_STAGES[stage]} failed (${ENGLISH_REASONS[code] ?? code}), falling back to the URL at hand`,
  warned: (message) => `⚠️ ${message}`,
}
