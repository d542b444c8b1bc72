import type { StoryboardShot } from '../../contracts/request.js'

/** The text of a prompt and its markers. */
export interface PromptMarkers {
  /** The text without its markers; never empty if there was text. */
  readonly prompt: string
  readonly storyboard?: readonly StoryboardShot[]
  /** Lower case, such as `anime`. */
  readonly style?: string
  /** Such as `s_0123456789abcdef0123456789abcdef`. */
  readonly remixOf?: string
}

/** Maximum shots of a prompt; further markers are text of the last shot. */
export const MAX_SHOTS = 1000

// Each pattern begins with a character that its repetitions exclude, so it runs in linear time.
const SHOT = /\[(\d{1,6}(?:\.\d{1,6})?)s\]/g
const STYLE = /\{(festive|kakalaka|news|selfie|handheld|golden|anime|retro|nostalgic|comic)\}/i
const POST =
  /(?:https?:\/\/)?sora\.chatgpt\.com\/p\/s_([a-f0-9]{32})(?!\w)(?:[/?#][\w.~%!$&'*+,;=:@/?#-]*)?|(?<![\w/])s_([a-f0-9]{32})(?!\w)/

/**
 * Reads the markers of the sora2api family from a prompt:
 *
 * - `A day at sea [5.0s]sunrise [2.5s]a storm`: a storyboard. The text before the first marker becomes the prompt;
 * without it the prompt is the texts of the shots, joined by line feeds. A shot may be empty or 0 seconds long: the
 * caller checks the request.
 * - `{anime}`: the first word in braces that is a known style (festive, kakalaka, news, selfie, handheld, golden, anime, retro,
 *   nostalgic, comic; in any case). Other braces stay in the prompt.
 * - `s_` and 32 hexadecimal digits, bare or in a link `https://sora.chatgpt.com/p/s_…`: the first is the post to remix.
 *
 * Style and post are removed from the text, also from the shots.
 */
export function readPromptMarkers(prompt: string): PromptMarkers {
  const post = POST.exec(prompt)
  const postId = post?.[1] ?? post?.[2]
  const withoutPost = post === null ? prompt : cut(prompt, post)
  const style = STYLE.exec(withoutPost)
  const text = style === null ? withoutPost : cut(withoutPost, style)
  const { summary, shots } = readShots(text)
  const joined = shots
    .map((shot) => shot.prompt)
    .filter(Boolean)
    .join('\n')
  const found = {
    ...(style?.[1] && { style: style[1].toLowerCase() }),
    ...(postId && { remixOf: `s_${postId}` }),
  }
  if (summary === '' && joined === '') return { prompt: text.trim() || prompt, ...found }
  return { prompt: summary || joined, ...(shots.length > 0 && { storyboard: shots }), ...found }
}

function readShots(text: string): { readonly summary: string; readonly shots: readonly StoryboardShot[] } {
  const marks: RegExpExecArray[] = []
  for (const mark of text.matchAll(SHOT)) {
    if (marks.push(mark) === MAX_SHOTS) break
  }
  const shots = marks.map((mark, index) => ({
    durationSeconds: Number(mark[1]),
    prompt: text.slice(mark.index + mark[0].length, marks[index + 1]?.index).trim(),
  }))
  return { summary: text.slice(0, marks[0]?.index).trim(), shots }
}

/** The text without a match, and without the blanks or the empty line that it would leave. */
function cut(text: string, match: RegExpExecArray): string {
  const before = text.slice(0, match.index)
  const after = text.slice(match.index + match[0].length)
  if (before === '' || before.endsWith('\n')) return before + after.replace(/^[ \t]*(?:\r?\n)?/, '')
  return before + (/\s/.test(before.slice(-1)) ? after.replace(/^[ \t]+/, '') : after)
}
