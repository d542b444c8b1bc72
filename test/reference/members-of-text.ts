import { type Member, membersOf } from './members.ts'
import { parseFile } from './parsed-source.ts'

/** The members of the first type that a text declares, for tests of what is read of them. */
export function membersOfText(text: string): readonly Member[] {
  const [first] = parseFile('text.ts', text).declared.values()
  return (first && membersOf(first)) ?? []
}
