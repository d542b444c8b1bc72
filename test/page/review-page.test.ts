import { afterAll, describe, expect, test } from 'vitest'
import { memoryStore, RateLimitError, SubmissionUnknownError } from '../../src/index.js'
import { fakeTaskGenerator } from '../../src/testing/index.js'
import { accessibilityProblems, browserTitle, closeBrowser, isBrowserLeftOut } from './browser.js'
import { visitBackend } from './visit-backend.js'

const ADVICE = 'The video may be in progress and paid: check the video provider before you send the request again.'
const lost = () => new SubmissionUnknownError('Could not learn the outcome: the connection was reset')

describe.skipIf(isBrowserLeftOut)(browserTitle('a run in review on the page, in Chromium'), () => {
  afterAll(closeBrowser)

  test.each([
    { colorScheme: 'light', viewport: { width: 1280, height: 900 } },
    { colorScheme: 'dark', viewport: { width: 390, height: 900 } },
  ] as const)('is shown as one in review, with the advice and the command that shows it: $colorScheme', async (tab) => {
    const { page } = await visitBackend({ generator: fakeTaskGenerator({ starts: [lost()] }) }, tab)
    await page.getByRole('button', { name: 'Make the video' }).click()
    await page.locator('#status').getByText('Needs review', { exact: true }).waitFor()
    const problem = page.getByRole('region', { name: 'Run', exact: true }).getByRole('alert')
    await problem.getByText(ADVICE).waitFor()
    expect(await problem.innerText()).toContain('the connection was reset')
    const id = decodeURIComponent(new URL(page.url()).hash.slice(1))
    expect(id).toMatch(/^video_/)
    await page.getByText(`npx sora-pipeline runs show ${id}`, { exact: true }).waitFor()
    expect(await page.locator('.lane').first().innerText()).toMatch(/^Generate\s+needs review[\s\S]*\? unknown/)
    await page.getByRole('button', { name: /^A cat playing piano needs review/ }).waitFor()
    const colourOf = (selector: string) =>
      page.evaluate(`getComputedStyle(document.querySelector('${selector}')).color`)
    expect(await colourOf('#status')).not.toBe(await colourOf('#run-title'))
    expect(await accessibilityProblems(page)).toEqual([])

    await page.reload()
    await page.locator('#status').getByText('Needs review', { exact: true }).waitFor()
    await problem.getByText(ADVICE).waitFor()
    expect(await page.locator('.lane').last().innerText()).toMatch(/^Upload\s+not configured$/)
  })

  test.each(['in the same tab', 'after a reload'])('its prompt is paid again only after a note: %s', async (when) => {
    const generator = fakeTaskGenerator({ starts: [lost(), lost()] })
    const { page, arrivals } = await visitBackend({ generator })
    const pressAt = (ms: number) => page.clock.setFixedTime(1_800_000_000_000 + ms)
    const made = () => arrivals.filter((arrival) => arrival === 'POST /v1/videos').length
    const make = page.getByRole('button', { name: 'Make the video' })
    await make.click()
    await page.getByText(ADVICE).waitFor()
    if (when === 'after a reload') {
      await page.goto(page.url().replace(/#.*/, '?again'))
      await page.getByRole('button', { name: /needs review/ }).waitFor()
    }
    const note = page.locator('#request').getByText(/may be in progress and paid/)
    await pressAt(0)
    await make.click()
    await note.waitFor()
    // A double press is one press.
    await pressAt(1000)
    await make.click()
    expect([made(), generator.calls.length]).toEqual([1, 1])
    await page.getByLabel('Prompt').fill('A cat playing chess')
    await expect.poll(() => note.count()).toBe(0)
    await page.getByLabel('Prompt').fill('A cat playing piano')
    await make.click()
    await note.waitFor()
    expect(made()).toBe(1)
    await pressAt(2001)
    await make.click()
    await expect.poll(made).toBe(2)
    await expect.poll(() => page.getByRole('button', { name: /^A cat playing piano needs review/ }).count()).toBe(2)
  })

  test('is shown as it continues once it is settled', async () => {
    const generator = fakeTaskGenerator({ starts: [lost()], polls: 150 })
    const { page, pipeline, arrivals } = await visitBackend({ generator, store: memoryStore() })
    await page.getByRole('button', { name: 'Make the video' }).click()
    await page.getByText(ADVICE).waitFor()
    const run = await pipeline.settle(decodeURIComponent(new URL(page.url()).hash.slice(1)), 'not-submitted')
    await run.result
    await page.locator('#status').getByText('Completed', { exact: true }).waitFor()
    expect(await page.getByText(ADVICE).count()).toBe(0)
    expect(arrivals.filter((arrival) => arrival.endsWith('/events')).length).toBeLessThanOrEqual(3)
  })

  test('another prompt is sent at once', async () => {
    const generator = fakeTaskGenerator({ starts: [lost()] })
    const { page } = await visitBackend({ generator })
    await page.getByRole('button', { name: 'Make the video' }).click()
    await page.getByText(ADVICE).waitFor()
    await page.getByLabel('Prompt').fill('A cat playing chess')
    await page.getByRole('button', { name: 'Make the video' }).click()
    await page.locator('#status').getByText('Completed', { exact: true }).waitFor()
  })

  test('a run that failed with a job that may be running is not paid again without the note', async () => {
    const stuck = fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY, cancel: 'unsupported' })
    const { page, arrivals } = await visitBackend({ generator: stuck, deadlines: { generateMs: 1500 } })
    await page.getByRole('button', { name: 'Make the video' }).click()
    await page.locator('#status').getByText('Failed', { exact: true }).waitFor()
    await page.getByText(/The video may still be in progress: request the run under its id/).waitFor()
    await page.getByRole('button', { name: 'Make the video' }).click()
    await page
      .locator('#request')
      .getByText(/may be in progress and paid/)
      .waitFor()
    expect(arrivals.filter((arrival) => arrival === 'POST /v1/videos')).toHaveLength(1)
  })

  test('a run that was refused is sent again at once', async () => {
    const generator = fakeTaskGenerator({ starts: [new RateLimitError('Could not start: too many requests')] })
    const { page } = await visitBackend({ generator })
    await page.getByRole('button', { name: 'Make the video' }).click()
    await page.locator('#status').getByText('Failed', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Make the video' }).click()
    await page.locator('#status').getByText('Completed', { exact: true }).waitFor()
  })
})
