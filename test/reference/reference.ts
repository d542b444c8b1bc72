import { anchorsOf, type Book, entryPage, outlineOf } from './pages/entry-page.ts'
import { errorHeadings, errorsPage } from './pages/errors-page.ts'
import { eventHeadings, eventsPage } from './pages/events-page.ts'
import { requestPage } from './pages/request-page.ts'
import { Anchors, placesOf } from './places.ts'
import { entryPoints } from './public-names.ts'
import { chatCompletionsTrials, videosApiTrials } from './request-trials.ts'

/** The reference: the text of each page by its file name in `src/reference`. */
export async function referencePages(): Promise<ReadonlyMap<string, string>> {
  const entries = entryPoints()
  const places = placesOf(entries)
  const on = (page: string) => [...places.values()].filter((place) => place.page === page)
  const anchors = new Map(entries.map(({ page }) => [page, anchorsOf(outlineOf(page, places))]))
  for (const page of ['events', 'errors', 'request']) anchors.set(page, new Anchors())
  for (const [heading, name] of eventHeadings(on('events'))) anchors.get('events')?.add(heading, name)
  for (const heading of errorHeadings(on('errors'))) anchors.get('errors')?.add(heading)
  for (const { name } of on('request')) anchors.get('request')?.add(name)
  const book: Book = { places, anchors }
  const trials = { videosApi: await videosApiTrials(), chatCompletions: await chatCompletionsTrials() }
  const pages: readonly (readonly [string, string])[] = [
    ...entries.map((entry) => [entry.page, entryPage(entry, book)] as const),
    ['events', eventsPage(on('events'), book)],
    ['request', requestPage(on('request'), trials, book)],
    ['errors', errorsPage(on('errors'), book)],
  ]
  return new Map(pages.map(([page, text]) => [`${page}.md`, `${text}\n`]))
}
