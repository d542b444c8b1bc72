import { PassThrough } from 'node:stream'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Play, startPlay } from '../../src/cli/play/play.js'
import { accessibilityProblems, browserTitle, closeBrowser, isBrowserLeftOut, visit } from './browser.js'

const IMAGE = {
  name: 'cat.png',
  mimeType: 'image/png',
  buffer: Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
    'base64',
  ),
}
// Chromium reports an answer that the killed process left unfinished.
const CUT = 'Failed to load resource: net::ERR_INCOMPLETE_CHUNKED_ENCODING'

describe.skipIf(isBrowserLeftOut)(browserTitle('the page of sora-pipeline play, in Chromium'), () => {
  let play: Play
  // For what has to happen before the end of a job: there it takes 10 s.
  let slow: Play
  beforeAll(async () => {
    play = await startPlay({ port: 0, speed: 2, stderr: new PassThrough() })
    slow = await startPlay({ port: 0, speed: 0.6, stderr: new PassThrough() })
  })
  afterEach(async () => {
    const switches = ['mirror', 'upload', 'store'].map((name) => `play/faults/${name}/off`)
    for (const path of switches) {
      await fetch(new URL(path, play.address), { method: 'POST', headers: { 'x-sora-pipeline-play': '1' } })
    }
  })
  afterAll(async () => {
    await closeBrowser()
    await Promise.all([play?.close(), slow?.close()])
  })

  test('lists a run that is in progress as such', async () => {
    const { page } = await visit(slow.address)
    await page.getByLabel('Prompt').fill('A cat at sea')
    await page.getByRole('button', { name: 'Make the video' }).click()
    await page
      .locator('#runs')
      .getByText(/^in progress, /)
      .waitFor()
    await page.getByRole('button', { name: 'Cancel' }).click()
    await ended(page, 'Cancelled')
  })

  test('makes a video past a dead mirror: every lane fills, and the video plays from this origin, in ranges', async () => {
    const { page, problems, foreign } = await visit(play.address)
    const ranges: string[] = []
    page.on('request', (request) => {
      if (request.url().includes('/content/')) ranges.push(request.headers().range ?? '')
    })
    await page.getByLabel('Dead mirror').check()
    await page.getByLabel('Prompt').fill('A cat at sea')
    await page.getByRole('button', { name: 'Make the video' }).click()
    await page.getByRole('progressbar', { name: 'Progress of Generate' }).waitFor()
    await page
      .locator('.lane')
      .getByText(/in progress/)
      .waitFor()
    await ended(page, 'Completed')

    expect(await lanes(page)).toEqual([
      expect.stringMatching(/^Generate done in .* ✓ succeeded/),
      expect.stringMatching(/^Publish done in .* ✓ succeeded/),
      expect.stringMatching(/^Resolve done in .* ✗ failed in .*ECONNRESET.* ✓ succeeded/),
      expect.stringMatching(/^Upload done in .*Google Drive ✓ succeeded/),
    ])
    await plays(page)
    expect(ranges).toContainEqual(expect.stringMatching(/^bytes=\d+-/))
    expect(await page.getByText('Jobs paid: 1').isVisible()).toBe(true)
    expect(await eventTypes(page)).toEqual(
      expect.arrayContaining(['run-started', 'attempt-failed', 'fallback-taken', 'run-completed']),
    )
    expect(await page.getByRole('button', { name: /A cat at sea completed/ }).getAttribute('aria-current')).toBe('true')
    expect({ problems, foreign }).toEqual({ problems: [], foreign: [] })
  })

  test('a kill of the server process in the middle of a run costs no second job, and a reload shows the run', async () => {
    const { page, problems, foreign } = await visit(slow.address)
    await page.getByRole('button', { name: 'Make the video' }).click()
    await page.getByText('Jobs paid: 1').waitFor()
    await page.getByRole('button', { name: 'Kill the server process' }).click()
    await page.getByText('A new server process resumed the run.').waitFor()
    await ended(page, 'Completed')
    await plays(page)
    expect(await page.getByText('Jobs paid: 1').isVisible()).toBe(true)
    expect(await page.getByText(/^Server process \d: it was killed/).isVisible()).toBe(true)

    await page.reload()
    await ended(page, 'Completed')
    await plays(page)
    expect(await lanes(page)).toEqual([
      expect.stringMatching(/^Generate done .*✓ succeeded/),
      expect.stringMatching(/^Publish done .*✓ succeeded/),
      expect.stringMatching(/^Resolve done .*✓ succeeded/),
      expect.stringMatching(/^Upload done .*✓ succeeded/),
    ])
    expect(problems.filter((problem) => problem !== CUT)).toEqual([])
    expect(foreign).toEqual([])
  })

  test('a reload in the middle of a run continues to show it', async () => {
    const { page, problems } = await visit(slow.address)
    await page.getByRole('button', { name: 'Make the video' }).click()
    await page.getByText('Jobs paid: 1').waitFor()
    const { hash } = new URL(page.url())
    await page.reload()
    await page.getByRole('progressbar', { name: 'Progress of Generate' }).waitFor()
    expect(new URL(page.url()).hash).toBe(hash)
    await ended(page, 'Completed')
    expect(await eventTypes(page)).toEqual(expect.arrayContaining(['run-started', 'run-completed']))
    expect(await page.getByText('Jobs paid: 1').isVisible()).toBe(true)
    expect(problems.filter((problem) => problem !== CUT)).toEqual([])
  })

  test('cancel stops the job, and reports what is left at the generator', async () => {
    const { page, problems } = await visit(slow.address)
    await page.getByRole('button', { name: 'Make the video' }).click()
    await page.getByText('Jobs paid: 1').waitFor()
    await page.getByRole('button', { name: 'Cancel' }).click()
    await ended(page, 'Cancelled')
    await page.getByText('The run was cancelled. At videos-api the job was cancelled.').waitFor()
    // The page draws its lanes and its address after the text.
    await expect.poll(() => lanes(page)).toContainEqual(expect.stringMatching(/^Generate stopped .*■ stopped/))
    await expect.poll(() => new URL(page.url()).hash).toBe('')
    expect(problems).toEqual([])
  })

  test('uploads that are down leave the URL of a mirror, with the reason of each', async () => {
    const { page } = await visit(play.address)
    await page.getByLabel('Uploads are down').check()
    await page.getByRole('button', { name: 'Make the video' }).click()
    await ended(page, 'Completed, but not as configured')
    const upload = (await lanes(page))[3]
    expect(upload).toMatch(/^Upload failed Google Drive ✗ failed .*quota.* space ✗ failed .*403/)
    expect(await page.getByText(/^URL, served by the resolver: http/).isVisible()).toBe(true)
    await plays(page)
  })

  test('a store that goes down after the job is paid does not stop the run; a new run is refused with a sentence', async () => {
    const { page } = await visit(play.address)
    await page.getByRole('button', { name: 'Make the video' }).click()
    await page.getByText('Jobs paid: 1').waitFor()
    await page.getByLabel('The store is down').check()
    await ended(page, 'Completed')
    await page.getByText('Could not save the run; it continues in this process alone').first().waitFor()
    await page.getByText(/The page keeps trying to play the video/).waitFor()
    await page.getByRole('button', { name: 'Make the video' }).click()
    await page
      .getByRole('alert')
      .getByText(/This server cannot save or read its videos at the moment/)
      .waitFor()
    await page.getByLabel('The store is down').uncheck()
    await plays(page)
  })

  test('the keyboard alone starts and cancels a video', async () => {
    const { page } = await visit(slow.address)
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement?.id')).toBe('prompt')
    await page.keyboard.press('ControlOrMeta+a')
    await page.keyboard.type('Typed')
    const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')
    expect(outline).toBe('solid')
    await page.keyboard.press('ControlOrMeta+Enter')
    await page.getByRole('button', { name: /^Typed/ }).waitFor()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement?.id')).toBe('cancel')
    await page.keyboard.press('Enter')
    await ended(page, 'Cancelled')
  })

  test('takes an image by button, by drop and by paste, and sends it', async () => {
    const { page, problems } = await visit(slow.address)
    const preview = page.getByAltText('Preview')
    const [chooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      page.getByRole('button', { name: 'Choose an image' }).click(),
    ])
    await chooser.setFiles(IMAGE)
    await preview.waitFor()
    await page.getByRole('button', { name: 'Remove the image' }).click()
    for (const type of ['drop', 'paste']) {
      await page.evaluate(giveImage(type))
      await preview.waitFor()
      if (type === 'drop') await page.getByRole('button', { name: 'Remove the image' }).click()
    }
    const [sent] = await Promise.all([
      page.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/v1/videos')),
      page.getByRole('button', { name: 'Make the video' }).click(),
    ])
    expect(sent.headers()['content-type']).toMatch(/^multipart\/form-data/)
    await page.getByText('Jobs paid: 1').waitFor()
    await page.getByRole('button', { name: 'Cancel' }).click()
    await ended(page, 'Cancelled')
    expect(problems).toEqual([])
  })

  test.each([
    ['light', 1280],
    ['light', 360],
    ['dark', 1280],
    ['dark', 360],
  ] as const)('axe-core finds nothing wrong, and nothing is cut: %s at %i pixels', async (colorScheme, width) => {
    const { page } = await visit(play.address, { colorScheme, viewport: { width, height: 740 } })
    expect(await accessibilityProblems(page)).toEqual([])
    await page.getByLabel('Uploads are down').check()
    await page.getByRole('button', { name: 'Make the video' }).click()
    await page.getByRole('progressbar').waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
    await ended(page, /Completed/)
    await plays(page)
    expect(await accessibilityProblems(page)).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
  })

  test('a person who prefers less motion gets no transition and no video that starts without them', async () => {
    const { page } = await visit(play.address, { reducedMotion: 'reduce' })
    await page.getByRole('button', { name: 'Make the video' }).click()
    await page.getByRole('progressbar').waitFor()
    const duration = await page.evaluate('getComputedStyle(document.querySelector(".bar")).transitionDuration')
    expect(duration).toBe('0s')
    await ended(page, 'Completed')
    await expect.poll(() => page.evaluate('document.querySelector("video").readyState')).toBeGreaterThan(1)
    expect(await page.evaluate('document.querySelector("video").paused')).toBe(true)
  })
})

// In the page: the types of the DOM are not those of the tests.
const giveImage = (type: string) => `{
  const data = new DataTransfer()
  const bytes = Uint8Array.from(atob('${IMAGE.buffer.toString('base64')}'), (letter) => letter.charCodeAt(0))
  data.items.add(new File([bytes], 'cat.png', { type: 'image/png' }))
  const options = { bubbles: true, cancelable: true }
  document.getElementById('prompt').dispatchEvent('${type}' === 'drop'
    ? new DragEvent('drop', { ...options, dataTransfer: data })
    : new ClipboardEvent('paste', { ...options, clipboardData: data }))
}`

async function ended(page: Page, text: string | RegExp): Promise<void> {
  await page
    .locator('#status')
    .getByText(text, typeof text === 'string' ? { exact: true } : {})
    .waitFor()
}

async function plays(page: Page): Promise<void> {
  await expect.poll(() => page.evaluate('document.querySelector("video").currentTime')).toBeGreaterThan(0.2)
}

async function lanes(page: Page): Promise<readonly string[]> {
  const texts = await page.locator('.lane').allInnerTexts()
  return texts.map((text) => text.replaceAll(/\s+/g, ' ').trim())
}

async function eventTypes(page: Page): Promise<readonly string[]> {
  const lines = (await page.getByRole('textbox', { name: 'Events' }).inputValue()).split('\n')
  return lines.map((line) => (JSON.parse(line) as { readonly type: string }).type)
}
