import type { DocComment } from '../doc-comment.ts'

/** Rewrites a text outside its code spans and blocks. */
function outsideCode(text: string, rewrite: (prose: string) => string): string {
  return text
    .split(/(```[\s\S]*?```|`[^`\n]*`)/)
    .map((part, index) => (index % 2 === 0 ? rewrite(part) : part))
    .join('')
}

/** A text of a doc comment as Markdown: links and names of errors become `resolve`d names, and nothing of it is read as HTML. */
export function prose(text: string, resolve: (name: string) => string): string {
  const linked = text.replaceAll(/\{@link ([\w.]+)\}/g, (_, name: string) => resolve(name))
  return outsideCode(linked, (part) =>
    part
      .replaceAll('<', '&lt;')
      .replaceAll(/(?<=\w)\*(?=\w)/g, '\\*')
      .replaceAll(/\b[A-Z]\w*Error\b/g, resolve),
  )
}

/** The parameters of a doc comment, what it gives and what it throws, as a list. */
export function factsOf({ params, returns, throws }: DocComment, resolve: (name: string) => string): string {
  const lines = [
    ...Object.entries(params).map(([name, text]) => `\`${name}\`: ${prose(text, resolve)}`),
    ...(returns === undefined ? [] : [`Returns ${prose(lowerFirst(returns), resolve)}`]),
    ...throws.map((text) => `Throws ${prose(text, resolve)}`),
  ]
  return lines.map((line) => `- ${line}`).join('\n')
}

function lowerFirst(text: string): string {
  return text.replace(/^(?:A|An|The)\b/, (word) => word.toLowerCase())
}

/** A code span, also of a text with backticks. */
export function code(text: string): string {
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``
}

/** A code block. */
export function codeBlock(text: string): string {
  return `\`\`\`ts\n${text}\n\`\`\``
}

/** A table; rows of which every cell is Markdown in one line or several. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`
  return [line(head), `| ${head.map(() => '---').join(' | ')} |`, ...rows.map(line)].join('\n')
}

// A bar is escaped in code spans too: the table is cut into cells before they are read.
function cell(text: string): string {
  const items = text.trim().replaceAll(/\n- /g, '<br>• ').replaceAll(/\n\n/g, '<br>')
  return items.replaceAll('\n', ' ').replaceAll('|', '\\|')
}

/** The first sentence of a text. A full stop inside code does not count. */
export function firstSentence(text: string): string {
  const [paragraph = ''] = text.split('\n')
  const masked = paragraph.replaceAll(/`[^`]*`|\{@link [^}]*\}/g, (span) => '_'.repeat(span.length))
  const end = /[.:](?= |$)/.exec(masked)
  return end ? `${paragraph.slice(0, end.index)}.` : paragraph
}

/** Joins the parts of a page that are there, with an empty line between them. */
export function joined(...parts: readonly (string | undefined | false)[]): string {
  return parts.filter((part) => part !== undefined && part !== false && part !== '').join('\n\n')
}
