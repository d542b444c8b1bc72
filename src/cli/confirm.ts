import { createInterface } from 'node:readline/promises'
import type { CommandContext } from './command.js'
import { UsageError } from './read-arguments.js'

/**
 * Asks before an effect that cannot be undone or that costs money. Resolves to `false` when the answer is not yes.
 * @param effect - What happens, as a sentence without a full stop.
 * @throws UsageError without `--yes` where no terminal can ask.
 */
export async function confirm(
  effect: string,
  { isGiven }: { readonly isGiven: boolean | undefined },
  { stdin, stderr }: CommandContext,
): Promise<boolean> {
  if (isGiven) return true
  if (stdin.isTTY !== true || stderr.isTTY !== true) {
    throw new UsageError([`--yes is missing, and no terminal can ask: ${effect}; nothing was changed`])
  }
  const questions = createInterface({ input: stdin, output: stderr })
  try {
    const answer = await questions.question(`${effect}. Continue? [y/N] `)
    if (/^y(?:es)?$/i.test(answer.trim())) return true
    stderr.write('Nothing was changed\n')
    return false
  } finally {
    questions.close()
  }
}
