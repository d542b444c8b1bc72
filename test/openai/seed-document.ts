import { readFileSync } from 'node:fs'

const DOCUMENT = readFileSync(new URL('../fixtures/seed/sora2api-response-format.zh.md', import.meta.url), 'utf8')

/** The code blocks of the document, in order, without their fences. */
const BLOCKS = Array.from(DOCUMENT.matchAll(/^```\w*\n([\s\S]*?)\n```$/gm), ([, code = '']) => code)

/** The stream as the document shows it: from the first `data:` to `[DONE]`, without the last blank line. */
export const SEED_STREAM = blockWith('data: [DONE]')

/** The answer without streaming, and the three successes, as the document prints them. */
export const SEED_COMPLETIONS = BLOCKS.filter((block) => block.startsWith('{') && block.includes('"chat.completion"'))

/** The code of a client of the document. */
export function seedCode(language: 'javascript' | 'python'): string {
  const code = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)\\n\`\`\`$`, 'm').exec(DOCUMENT)?.[1]
  if (code === undefined) throw new Error(`Could not find a client of the document: ${language}`)
  return code
}

function blockWith(text: string): string {
  const block = BLOCKS.find((candidate) => candidate.includes(text))
  if (block === undefined) throw new Error(`Could not find a block of the document: ${text}`)
  return block
}
