import { type Member, membersOf } from './members.ts'
import type { Declared } from './parsed-source.ts'
import type { EntryPoint } from './public-names.ts'

/** An exported type of which a caller fills in the fields. */
export interface OptionType {
  readonly name: string
  readonly declared: Declared
  readonly members: readonly Member[]
}

const NAME = /(?:Options|Query|Limits|Deadlines|Secrets|Settings)$/
const OTHERS: ReadonlySet<string> = new Set(['VideoRequest', 'StoryboardShot'])

/** Whether a type of that name is one of options. */
export function isOptionName(name: string): boolean {
  return NAME.test(name) || OTHERS.has(name)
}

/** Every exported option type, once. */
export function optionTypes(entries: readonly EntryPoint[]): readonly OptionType[] {
  const all = entries.flatMap(({ names }) => [...names])
  return [...new Map(all.map(([name, declared]) => [declared, name]))].flatMap(([declared, name]) => {
    const members = isOptionName(name) ? membersOf(declared) : undefined
    // What has methods is an object that a factory gives back.
    return members === undefined || members.some(({ isMethod }) => isMethod) ? [] : [{ name, declared, members }]
  })
}
