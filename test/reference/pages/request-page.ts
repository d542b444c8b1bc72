import type { Place } from '../places.ts'
import type { Trial } from '../request-trials.ts'
import { type Book, ORIGIN, typeSection } from './entry-page.ts'
import { code, joined, table } from './markdown.ts'

const PAGE = 'request'

/** The fields of a request, and what the generators of the package do with each. */
export function requestPage(
  places: readonly Place[],
  { videosApi, chatCompletions }: { readonly videosApi: readonly Trial[]; readonly chatCompletions: readonly Trial[] },
  book: Book,
): string {
  const byField = new Map(chatCompletions.map(({ field, outcome }) => [field, outcome]))
  const rows = videosApi.map(({ field, outcome }) => [code(field), outcome, byField.get(field) ?? ''])
  return joined(
    '# The request',
    ORIGIN,
    ...places.map((place) => typeSection(place, PAGE, book, '##')),
    '## What the generators do with it',
    "Each row is what `npm run reference` saw leave when the field was given alone beside a prompt, with no option beyond `baseUrl` and, for the chat, `model: 'sora2-landscape-10s'`. Nothing is dropped in silence: what changes the result is an error before anything is sent, what changes little is a warning. A key of `providerOptions` with the name of a field stands for the field. `metadata` stays with the run.",
    table(['field', '`videosApiGenerator`', '`chatCompletionsGenerator`'], rows),
  )
}
