import { setTimeout as wait } from 'node:timers/promises'
import { runInNewContext } from 'node:vm'
import { createParser } from 'eventsource-parser'

/** A page that was opened, with what its script left in its elements. */
export interface VisitedPage {
  /** Properties of an element, by its id. */
  element(id: string): { readonly textContent?: string; readonly src?: string }
  /** Sends a form, as its button does. */
  submit(id: string, fields: Readonly<Record<string, string>>): Promise<void>
  /** Ends what still listens. */
  leave(): void
}

const RECONNECT_MS = 100

/**
 * Opens a page as a browser does: the markup by its address, its module script in its own context, over real HTTP with a cookie. The DOM has only what the pages of the examples use.
 */
export async function visitPage(address: string, cookie: string): Promise<VisitedPage> {
  const leaving = new AbortController()
  const fetchHere = (path: string, init: RequestInit = {}) => {
    const headers = { ...(init.headers as Record<string, string>), cookie }
    return fetch(new URL(path, address), { ...init, headers, signal: leaving.signal })
  }
  const markup = await (await fetchHere('/')).text()
  const script = /<script type="module">([\s\S]*)<\/script>/.exec(markup)?.[1]
  if (script === undefined) throw new Error(`Could not find a module script in the page: ${markup}`)
  const elements = new Map(
    [...markup.matchAll(/\bid="([\w-]+)"/g)].map(([, id = '']) => [id, new PageElement()] as const),
  )
  const problems: unknown[] = []
  runInNewContext(script, {
    document: { getElementById: (id: string) => elements.get(id) ?? null },
    location: { hash: '' },
    crypto,
    fetch: fetchHere,
    FormData: PageForm,
    EventSource: class extends PageEventSource {
      constructor(path: string) {
        super(
          (lastId) => fetchHere(path, { headers: lastId === '' ? {} : { 'last-event-id': lastId } }),
          leaving.signal,
        )
      }
    },
    console: { error: (problem: unknown) => problems.push(problem) },
  })
  const known = (id: string) => {
    const element = elements.get(id)
    if (element === undefined) throw new Error(`Could not find the element: ${id}`)
    return element
  }
  return {
    element: known,
    submit: async (id, fields) => {
      await known(id).submit({ preventDefault: () => undefined, target: fields })
      if (problems.length > 0) throw problems[0]
    },
    leave: () => leaving.abort(),
  }
}

class PageElement {
  textContent?: string
  src?: string
  #listen: (event: object) => unknown = () => undefined

  addEventListener(type: string, listen: (event: object) => unknown): void {
    if (type === 'submit') this.#listen = listen
  }

  async submit(event: object): Promise<void> {
    await this.#listen(event)
  }
}

class PageForm {
  readonly #fields: Readonly<Record<string, string>>

  constructor(fields: Readonly<Record<string, string>>) {
    this.#fields = fields
  }

  get(name: string): string | undefined {
    return this.#fields[name]
  }
}

/** Reconnects with the last event id, as in the standard: after an end and a broken connection, and never after 204. */
class PageEventSource {
  readonly #listeners = new Map<string, ((event: { readonly data?: string }) => void)[]>()
  #isClosed = false

  constructor(connect: (lastId: string) => Promise<Response>, signal: AbortSignal) {
    signal.addEventListener('abort', () => this.close())
    void this.#read(connect)
  }

  addEventListener(type: string, listen: (event: { readonly data?: string }) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listen])
  }

  close(): void {
    this.#isClosed = true
  }

  async #read(connect: (lastId: string) => Promise<Response>): Promise<void> {
    let lastId = ''
    const parser = createParser({
      onEvent: ({ id, event = 'message', data }) => {
        lastId = id ?? lastId
        if (!this.#isClosed) this.#emit(event, { data })
      },
    })
    const decoder = new TextDecoder()
    while (!this.#isClosed) {
      try {
        const response = await connect(lastId)
        if (response.status !== 200) this.close()
        for await (const bytes of response.body ?? []) parser.feed(decoder.decode(bytes, { stream: true }))
      } catch {
        // The server has stopped; it is requested again below, as by a browser.
      }
      parser.reset()
      if (!this.#isClosed) this.#emit('error', {})
      await wait(RECONNECT_MS)
    }
  }

  #emit(type: string, event: { readonly data?: string }): void {
    for (const listen of this.#listeners.get(type) ?? []) listen(event)
  }
}
