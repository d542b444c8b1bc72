import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { Fault } from '../../../src/sandbox/fault.js'
import { fakeSource } from '../../../src/testing/index.js'
import { countOf, driveSandbox } from './google-drive-sandbox.js'

const TOTAL = 300_000_000
const sourceModule = (path: string) => JSON.stringify(new URL(`../../../src/${path}.ts`, import.meta.url).href)

// A separate process, so that neither the server nor the test runner is measured.
const script = (drive: { readonly baseUrl: string; readonly accessToken: string }) => `
  const { googleDriveUploader } = await import(${sourceModule('strategies/uploaders/google-drive/google-drive-uploader')})
  const { fakeContext } = await import(${sourceModule('testing/fake-context')})
  const { fakeSource } = await import(${sourceModule('testing/fake-source')})
  const { hurriedClock } = await import(${sourceModule('testing/conformance/hurried-clock')})
  const uploader = googleDriveUploader(${JSON.stringify(drive)})
  await uploader.upload(fakeSource({ byteLength: 9_000_000 }), fakeContext({ clock: hurriedClock() }))
  gc()
  const before = process.memoryUsage.rss()
  let highest = before
  setInterval(() => { highest = Math.max(highest, process.memoryUsage.rss()) }, 5).unref()
  const { id } = await uploader.upload(fakeSource({ byteLength: ${TOTAL} }), fakeContext({ clock: hurriedClock() }))
  console.log(JSON.stringify({ id, grown: highest - before }))
`

test('300 MB with five cuts arrive whole, in constant memory', async () => {
  const { sandbox, drive } = await driveSandbox()
  const { baseUrl, accessToken } = drive
  const cuts = [5_000_001, 1, 8_388_607, 300_000, 4_194_304].map(
    (afterBytes): Fault => ({
      kind: 'cut-upload',
      afterBytes,
    }),
  )
  sandbox.setFaults({ 'drive.upload': cuts.flatMap((cut) => [null, null, null, cut]) })
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--expose-gc',
    '--no-warnings',
    '--import',
    new URL('../../support/run-sources.ts', import.meta.url).href,
    '--input-type=module',
    '--eval',
    script({ baseUrl, accessToken }),
  ])
  const { id, grown }: { readonly id: string; readonly grown: number } = JSON.parse(stdout)
  const hash = createHash('md5')
  const source = fakeSource({ byteLength: TOTAL })
  for (let start = 0; start < TOTAL; start += 10_000_000) hash.update(source.slice(start, start + 10_000_000))
  expect(drive.files.get(id)).toMatchObject({ byteLength: TOTAL, md5: hash.digest('hex') })
  expect(sandbox.requestsTo('drive.upload').filter(({ fault }) => fault === 'cut-upload').length).toBe(5)
  expect(countOf(sandbox, 'drive.session')).toBe(5)
  expect(grown).toBeLessThan(130_000_000)
})
