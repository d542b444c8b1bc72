import { createServer } from 'node:http'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { createHandler, toNodeListener } from '../../src/http/index.js'
import { SoraPipeline, type SoraPipelineOptions } from '../../src/index.js'
import { API_KEY } from '../http/clients/start-backend.js'
import { type Served, serve } from '../http/node/serve.js'
import { type VisitedPage, visit } from './browser.js'

/** A backend without keys, and its page in a tab. */
export interface VisitedBackend extends VisitedPage, Served {
  readonly pipeline: SoraPipeline
  /** Method and path of each request so far, with its query. */
  readonly arrivals: readonly string[]
  /** Every later request is answered 503, as if the store were down, or its connection is cut. */
  break(how: 'store' | 'connection' | undefined): void
}

/** Serves a pipeline without keys, and opens its page, until the test ends. */
export async function visitBackend(
  options: SoraPipelineOptions,
  tab: BrowserContextOptions = {},
): Promise<VisitedBackend> {
  const pipeline = new SoraPipeline({ pollSchedule: () => 20, ...options })
  const handler = createHandler(pipeline, { public: true, page: true, onError: () => undefined })
  const arrivals: string[] = []
  let broken: 'store' | 'connection' | undefined
  const listener = toNodeListener(handler)
  const served = await serve(
    createServer((message, response) => {
      arrivals.push(`${message.method} ${message.url}`)
      if (broken === 'connection') message.socket.destroy()
      else if (broken === 'store') {
        response.writeHead(503, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ error: { message: 'The store is down.', code: 'store_unavailable' } }))
      } else listener(message, response)
    }),
  )
  const visited = await visit(`${served.origin}/v1/page`, tab)
  return {
    ...served,
    ...visited,
    pipeline,
    arrivals,
    break: (how) => {
      broken = how
    },
  }
}

/** Opens the page of a backend with keys, and enters {@link API_KEY}. */
export async function visitWithKey(address: string): Promise<Page> {
  const { page } = await visit(address)
  await page.getByLabel('API key').fill(API_KEY)
  await page.keyboard.press('Enter')
  return page
}

/** The id of the element with the focus; empty for that of the document. */
export async function focusOf(page: Page): Promise<string> {
  return (await page.evaluate('document.activeElement.id')) as string
}
