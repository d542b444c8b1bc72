import { afterAll, describe, expect, test } from 'vitest'
import { GenerationFailedError } from '../../src/index.js'
import { fakeTaskGenerator } from '../../src/testing/index.js'
import { API_KEY, startKeyedBackend } from '../http/clients/start-backend.js'
import { accessibilityProblems, browserTitle, closeBrowser, isBrowserLeftOut, visit } from './browser.js'
import { focusOf, visitBackend } from './visit-backend.js'

const VIDEO = { id: 'gen_1', url: 'https://cdn.example/a.mp4' }

describe.skipIf(isBrowserLeftOut)(browserTitle('messages, focus and progress of the page, in Chromium'), () => {
  afterAll(closeBrowser)

  test('a message about the form stands in the form, and that of the selected run stays', async () => {
    const failed = new GenerationFailedError('Could not make the video: the model is busy')
    const { page, ...backend } = await visitBackend({ generator: fakeTaskGenerator({ starts: [failed] }) })
    const inForm = page.locator('#request').getByRole('alert')
    const inRun = page.getByRole('region', { name: 'Run', exact: true }).getByRole('alert')
    await page.getByRole('button', { name: 'Make the video' }).click()
    await inRun.getByText(/the model is busy/).waitFor()
    await page.locator('#file').setInputFiles({ name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('a') })
    await inForm.getByText(/The file is not an image/).waitFor()
    expect(await inRun.innerText()).toMatch(/the model is busy/)
    expect(await accessibilityProblems(page)).toEqual([])
    backend.break('store')
    await page.getByRole('button', { name: 'Make the video' }).click()
    await inForm.getByText('The store is down.').waitFor()
    expect(await inRun.innerText()).toMatch(/the model is busy/)
  })

  test('a list or a video that cannot be read is reported there, not as a problem of a run that succeeded', async () => {
    const { page, ...backend } = await visitBackend({ generator: fakeTaskGenerator({ polls: 60, video: VIDEO }) })
    await page.getByRole('button', { name: 'Make the video' }).click()
    await page.getByRole('button', { name: 'Cancel', disabled: false }).waitFor()
    backend.break('store')
    await page.locator('#status').getByText('Completed', { exact: true }).waitFor()
    const run = page.getByRole('region', { name: 'Run', exact: true })
    await run.getByText(/The store is down\. The page keeps trying to play the video/).waitFor()
    await page
      .getByRole('region', { name: 'Runs' })
      .getByRole('status')
      .getByText(/The store is down/)
      .waitFor()
    expect(await run.getByRole('alert').innerText()).toBe('')
  })

  test('a refused key is reported at its field', async () => {
    const { baseUrl } = await startKeyedBackend({ page: true })
    const { page } = await visit(`${baseUrl}/page#video_1`)
    const field = page.getByLabel('API key')
    await field.waitFor()
    expect(await page.getByText('No runs yet.').isVisible()).toBe(false)
    await field.fill('sk-wrong')
    await page.keyboard.press('Enter')
    await page
      .locator('#access')
      .getByRole('alert')
      .getByText(/refused the API key/)
      .waitFor()
    await expect.poll(() => focusOf(page)).toBe('key')
    const described = await field.getAttribute('aria-describedby')
    expect(described?.split(' ')).toContain('key-problem')
    expect(await page.getByText(/refused the API key/).count()).toBe(1)
    expect(await page.locator('#status').innerText()).toBe('No run is selected.')
    await field.fill(API_KEY)
    await page.keyboard.press('Enter')
    await page.getByText('No runs yet.').waitFor()
    expect(await page.getByText(/refused the API key/).count()).toBe(0)
  })

  test('the focus stays where it was when a video is made and cancelled by keyboard', async () => {
    const { page } = await visitBackend({
      generator: fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY }),
      pollSchedule: () => 400,
    })
    await page.getByRole('button', { name: 'Make the video' }).focus()
    await page.keyboard.press('Enter')
    const cancel = page.getByRole('button', { name: 'Cancel', disabled: false })
    await cancel.waitFor()
    expect(await focusOf(page)).toBe('make')
    await cancel.focus()
    await page.keyboard.press('Enter')
    await page.locator('#status').getByText('Cancelled').waitFor()
    await page.getByRole('button', { name: 'Cancel', disabled: true }).waitFor()
    expect(await focusOf(page)).toBe('cancel')
    await page.getByRole('button', { name: 'Choose an image' }).focus()
    const image = { name: 'a.png', mimeType: 'image/png', buffer: Buffer.from('89504e47', 'hex') }
    await page.locator('#file').setInputFiles(image)
    await page.getByText('a.png').first().waitFor()
    expect(await focusOf(page)).toBe('remove')
  })

  test('in one column the focus moves to the run that was made', async () => {
    const options = { generator: fakeTaskGenerator({ video: VIDEO }) }
    const { page } = await visitBackend(options, { viewport: { width: 390, height: 800 } })
    await page.getByRole('button', { name: 'Make the video' }).focus()
    await page.keyboard.press('Enter')
    await page.locator('#status').getByText('Completed').waitFor()
    expect(await focusOf(page)).toBe('run-title')
  })

  test('the time of a running attempt is drawn unlike its progress', async () => {
    const polls = Array.from({ length: 10_000 }, () => ({ state: 'running', ratio: 0.17 }) as const)
    const { page } = await visitBackend({ generator: fakeTaskGenerator({ polls }), pollSchedule: () => 400 })
    await page.getByRole('button', { name: 'Make the video' }).click()
    const progress = page.getByRole('progressbar', { name: 'Progress of Generate' })
    await progress.waitFor()
    expect(await page.evaluate('document.querySelector("progress").value')).toBe(0.17)
    await page
      .locator('.lane')
      .getByText(/… running for \d/)
      .waitFor()
    const drawn = (await page.evaluate(`(() => {
      const bar = document.querySelector('.bar.running')
      const heights = [bar, document.querySelector('progress')].map((drawn) => drawn.getBoundingClientRect().height)
      return [getComputedStyle(bar).backgroundImage, ...heights]
    })()`)) as readonly [string, number, number]
    expect(drawn[0]).toContain('repeating-linear-gradient')
    expect(drawn[1]).toBeLessThanOrEqual(drawn[2] / 2)
  })
})
