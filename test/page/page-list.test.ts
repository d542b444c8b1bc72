import type { Page } from 'playwright-core'
import { afterAll, describe, expect, test } from 'vitest'
import { fakeTaskGenerator } from '../../src/testing/index.js'
import { browserTitle, closeBrowser, isBrowserLeftOut } from './browser.js'
import { type VisitedBackend, visitBackend } from './visit-backend.js'

describe.skipIf(isBrowserLeftOut)(browserTitle('the list of runs on the page, in Chromium'), () => {
  afterAll(closeBrowser)

  test('shows runs of others and their end within seconds, and keeps the focus and the older rows', async () => {
    const backend = await visitBackend({ generator: generator() })
    const { page } = backend
    await page.getByText('No runs yet.').waitFor()
    for (const number of Array.from({ length: 10 }).keys()) await make(backend, `Cat ${number}.`)
    const rows = page.locator('#runs').getByRole('button')
    await expect.poll(() => rows.count(), { timeout: 12_000 }).toBe(8)
    await page.getByRole('button', { name: 'Show older runs' }).click()
    await expect.poll(() => rows.count()).toBe(10)
    const focused = page.getByRole('button', { name: /^Cat 9\./ })
    await focused.focus()
    const later = await make(backend, 'Later')
    await make(backend, 'Latest')
    await expect.poll(() => rows.count(), { timeout: 12_000 }).toBe(12)
    expect(await page.evaluate('document.activeElement.innerText')).toMatch(/^Cat 9\./)
    expect(await rows.first().innerText()).toMatch(/^Latest/)
    expect(await rows.last().innerText()).toMatch(/^Cat 0\./)
    await expect.poll(() => rows.first().innerText(), { timeout: 12_000 }).toMatch(/completed/)
    // A run that was removed elsewhere leaves the list.
    await fetch(`${backend.origin}/v1/videos/${later}`, { method: 'DELETE' })
    await expect.poll(() => rows.count(), { timeout: 12_000 }).toBe(11)
    expect(await page.evaluate('document.activeElement.innerText')).toMatch(/^Cat 9\./)
  })

  test('is not requested while the page is hidden, and at once when it is shown', async () => {
    const { page } = await visitBackend({ generator: generator() })
    await page.clock.install()
    await page.reload()
    await page.getByText('No runs yet.').waitFor()
    const sent: string[] = []
    page.on('request', (request) => sent.push(`${request.method()} ${new URL(request.url()).pathname}`))
    // The browser reports requests in their order: a later one shows that all earlier ones were seen.
    const seen = async () => {
      await page.evaluate(`fetch('/mark')`)
      return sent.splice(0)
    }
    await hide(page, true)
    await seen()
    await page.clock.runFor(60_000)
    expect(await seen()).toEqual(['GET /mark'])
    await hide(page, false)
    expect(await seen()).toEqual(['GET /v1/videos', 'GET /mark'])
    await page.clock.runFor(60_000)
    expect((await seen()).length).toBeGreaterThan(1)
  })

  test('a server that does not answer is reported beside the list, which stays, until it answers', async () => {
    const backend = await visitBackend({ generator: generator() })
    const { page } = backend
    await make(backend, 'First')
    await page.getByRole('button', { name: /^First/ }).waitFor()
    backend.break('connection')
    const problem = page.getByRole('region', { name: 'Runs' }).getByRole('status')
    await problem.getByText(/The server does not answer/).waitFor()
    expect(await page.getByRole('button', { name: /^First/ }).isVisible()).toBe(true)
    backend.break(undefined)
    await expect.poll(() => problem.innerText(), { timeout: 25_000 }).toBe('')
  }, 90_000)
})

const generator = () => fakeTaskGenerator({ polls: 20, video: { id: 'gen_1', url: 'https://cdn.example/a.mp4' } })

async function make({ origin }: VisitedBackend, prompt: string): Promise<string> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ prompt }) }
  const answer = await fetch(`${origin}/v1/videos`, init)
  const { id } = (await answer.json()) as { readonly id: string }
  return id
}

// Chromium without a window shows every page.
async function hide(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))`)
}
