/** The parts of a doc comment. */
export interface DocComment {
  /** Everything before the first block tag, in one line for each paragraph or list item. */
  readonly text: string
  readonly defaultValue?: string
  readonly returns?: string
  readonly params: Readonly<Record<string, string>>
  readonly throws: readonly string[]
}

/** No comment. */
export const NO_DOC: DocComment = { text: '', params: {}, throws: [] }

/** Reads a block comment, given without its opening and closing marks. */
export function readDoc(comment: string): DocComment {
  const lines = comment
    .replace(/^\*/, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\*(?: |$)/, '').trimEnd())
  // A tag may stand at the end of a line of text, as `@defaultValue` often does.
  const marked = lines
    .join('\n')
    .replaceAll(/(^|[ \n])@(defaultValue|param|returns|throws|example|typeParam)\b/g, '$1\u0000$2')
  const [text = '', ...blocks] = marked.split('\u0000')
  const params: Record<string, string> = {}
  const throws: string[] = []
  const single: { defaultValue?: string; returns?: string } = {}
  for (const block of blocks) {
    const [, tag = '', body = ''] = /^(\w+)\s*([\s\S]*)$/.exec(block) ?? []
    const said = inParagraphs(body)
    if (tag === 'param' || tag === 'typeParam') {
      const [, name = '', meaning = ''] = /^(\w+)\s*-?\s*([\s\S]*)$/.exec(said) ?? []
      params[name] = meaning
    } else if (tag === 'throws') throws.push(said)
    else if (tag === 'defaultValue' || tag === 'returns') single[tag] = said
  }
  return { text: inParagraphs(text), params, throws, ...single }
}

/** Joins the lines of each paragraph and of each list item. */
function inParagraphs(text: string): string {
  return text
    .trim()
    .replaceAll(/\n(?!\n|\s*- )(?<!\n\n)\s*/g, ' ')
    .replaceAll(/\n\s*- /g, '\n- ')
}
