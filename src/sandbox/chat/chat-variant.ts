/**
 * How a chat upstream reports the address of the video: in a fenced block of HTML, in `delta.output`, as JSON, as a
 * Markdown image, as a bare address (cut into two chunks), or in the form of the seed (progress in `content`, the
 * address with `finish_reason: 'stop'`).
 */
export type ChatVariant = (typeof CHAT_VARIANTS)[number]

/** Every {@link ChatVariant}; each is also the name of a model. */
export const CHAT_VARIANTS = ['fenced-html', 'delta-output', 'json', 'markdown', 'bare-url', 'seed'] as const

/** The video of a chat model. */
export interface ChatModel {
  readonly id: string
  /** `undefined` for the variant that the sandbox was started with. */
  readonly variant: ChatVariant | undefined
  /** Whole seconds as text. */
  readonly seconds: string
  /** `{width}x{height}` in pixels. */
  readonly size: string
}

/** The models of the chat upstream: names of the family, the seed's, and one for each variant. */
export const CHAT_MODELS: readonly ChatModel[] = [
  ...['landscape', 'portrait'].flatMap((orientation) =>
    ['10', '15'].map((seconds) => ({
      id: `sora2-${orientation}-${seconds}s`,
      variant: undefined,
      seconds,
      size: orientation === 'landscape' ? '320x180' : '180x320',
    })),
  ),
  { id: 'sora-1.0', variant: 'seed', seconds: '4', size: '320x180' },
  ...CHAT_VARIANTS.map((variant) => ({ id: variant, variant, seconds: '1', size: '128x72' })),
]
