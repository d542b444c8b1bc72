import type { StageProgress } from '../../../contracts/stage.js'
import { excerptOf } from '../../../upstream/error-details.js'
import type { Mask } from '../../../upstream/secret.js'
import type { ChatDelta } from './chat-frame.js'

const PERCENT = /(?:^|[^\d.])(\d{1,3}(?:\.\d{1,4})?)\s?%/
// `[generation] (running) 40% Rendering`
const STAGE = /^\s*\[([^[\]\n]{1,60})\]/
// `**Video Generation Progress**: 40% (processing)`
const STATUS = /%\s?\(([^()\n]{1,60})\)/

/**
 * The progress in one delta: the number of `delta.progress`, the stage of `delta.wm`, or the prose of
 * `reasoning_content`; `undefined` if it has none. A ratio is always a number that the upstream wrote, never a guess.
 */
export function reasoningProgress(delta: ChatDelta, mask: Mask): StageProgress | undefined {
  const { reasoning_content: prose = '', progress, wm } = delta
  const message = sentenceOf(prose, mask)
  const ratio = progress === undefined ? percentIn(prose) : within(progress)
  const stage = wm?.stage ?? STATUS.exec(prose)?.[1] ?? STAGE.exec(prose)?.[1]
  const phase = stage === undefined ? '' : excerptOf(stage, mask).slice(0, 60)
  const attempt = wm?.attempt === undefined ? '' : `attempt ${wm.attempt}`
  return toProgress({ ratio, phase, message: message || attempt })
}

/** The progress in prose of `content`, which some servers use for it, such as `🎬 开始生成视频...`. */
export function contentProgress(prose: string, mask: Mask): StageProgress | undefined {
  const isAboutProgress = /progress|进度/i.test(prose)
  return toProgress({
    ratio: isAboutProgress ? percentIn(prose) : undefined,
    phase: '',
    message: sentenceOf(prose, mask),
  })
}

function toProgress({
  ratio,
  phase,
  message,
}: {
  ratio: number | undefined
  phase: string
  message: string
}): StageProgress | undefined {
  if (ratio === undefined && phase === '' && message === '') return undefined
  return { ...(ratio !== undefined && { ratio }), ...(phase !== '' && { phase }), ...(message !== '' && { message }) }
}

function sentenceOf(prose: string, mask: Mask): string {
  return excerptOf(prose.replace(/\*{2}|^\s*>\s?/g, ''), mask)
}

function percentIn(prose: string): number | undefined {
  const percent = PERCENT.exec(prose)?.[1]
  return percent === undefined ? undefined : within(Number(percent) / 100)
}

function within(ratio: number): number | undefined {
  return Number.isFinite(ratio) ? Math.min(Math.max(ratio, 0), 1) : undefined
}
