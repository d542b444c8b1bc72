import { parseSize } from '../../../contracts/frame-size.js'

// `sora2-landscape-10s`, `sora2pro-hd-portrait-15s`, `sora_video2-landscape-25s`.
const ORIENTATION = /(?:^|[-_])(landscape|portrait)(?=[-_]|$)/i
const SECONDS = /(?:^|[-_])(\d{1,4})s$/i

const FIX = 'leave it out, or use a matching model, such as sora2-landscape-10s'

/** The reason why a model cannot give a length, for a model name with a length; `undefined` if they match. */
export function lengthProblem(model: string, durationSeconds: number | undefined): string | undefined {
  return Number(SECONDS.exec(model)?.[1]) === durationSeconds ? undefined : FIX
}

/** Like {@link lengthProblem}, for a ratio: `landscape` is 16:9 and `portrait` 9:16. */
export function ratioProblem(model: string, aspectRatio: string | undefined): string | undefined {
  const orientation = aspectRatio === '16:9' ? 'landscape' : aspectRatio === '9:16' ? 'portrait' : 'none'
  return orientationOf(model) === orientation ? undefined : FIX
}

/** Like {@link lengthProblem}, for a frame size, of which only the orientation can be requested. */
export function frameProblem(model: string, size: string | undefined): string | undefined {
  const { width = 0, height = 0 } = parseSize(size) ?? {}
  const orientation = width > height ? 'landscape' : width < height ? 'portrait' : 'none'
  return orientationOf(model) === orientation ? undefined : FIX
}

function orientationOf(model: string): string | undefined {
  return ORIENTATION.exec(model)?.[1]?.toLowerCase()
}
