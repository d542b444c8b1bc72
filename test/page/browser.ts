import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import axe from 'axe-core'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { onTestFinished } from 'vitest'

const EXECUTABLE = (process.env.PATH ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'chromium'))
  .find((file) => existsSync(file))

/** Whether tests in a browser are left out: Debian's `chromium` is not installed, and nothing requires it. */
export const isBrowserLeftOut = EXECUTABLE === undefined && process.env.CHROMIUM_REQUIRED !== '1'

/** The title of such tests, which reports it when they are left out. */
export function browserTitle(title: string): string {
  if (!isBrowserLeftOut) return title
  console.warn(`skipped: ${title}; run apt-get install chromium`)
  return `${title} (skipped: install chromium)`
}

/** A page in the browser, with what must not happen in it. */
export interface VisitedPage {
  readonly page: Page
  /** Errors and warnings of the console, and exceptions. */
  readonly problems: readonly string[]
  /** Addresses of requests to other origins. */
  readonly foreign: readonly string[]
}

let browser: Promise<Browser> | undefined

/** Ends the browser of the test file. */
export async function closeBrowser(): Promise<void> {
  await (await browser)?.close()
  browser = undefined
}

/** Opens an address in a tab of its own, without cookies of others, until the test ends. */
export async function visit(address: string, options: BrowserContextOptions = {}): Promise<VisitedPage> {
  if (EXECUTABLE === undefined) throw new Error('Could not start a browser: run apt-get install chromium')
  // As root, Chromium starts only without its sandbox; the pages are those of the tests.
  browser ??= chromium.launch({ executablePath: EXECUTABLE, args: ['--no-sandbox'] })
  const context = await (await browser).newContext({ viewport: { width: 1280, height: 900 }, ...options })
  onTestFinished(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  const problems: string[] = []
  const foreign: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(message.text())
  })
  page.on('pageerror', ({ message }) => problems.push(message))
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url())
    if (protocol.startsWith('http') && origin !== new URL(address).origin) foreign.push(request.url())
  })
  await page.goto(address)
  return { page, problems, foreign }
}

/** What axe-core finds wrong in the page as it is, such as `color-contrast: .hint`. */
export async function accessibilityProblems(page: Page): Promise<readonly string[]> {
  // From outside the page, whose policy allows no other script.
  const session = await page.context().newCDPSession(page)
  const evaluate = async (expression: string) => {
    const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    })
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description)
    return result.value as unknown
  }
  await evaluate(axe.source)
  const found = await evaluate(`axe.run().then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => id + ': ' + target)))`)
  await session.detach()
  return found as readonly string[]
}
