import { expect, test } from 'vitest'
import { originalResolver } from '../../../src/strategies/index.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'

const open = async () => new ReadableStream<Uint8Array>()
const resolve = (video: Parameters<ReturnType<typeof originalResolver>['resolve']>[0]['video']) =>
  originalResolver().resolve({ video }, stageContext())

test("gives the generator's own public URL with what is known of it", async () => {
  const url = 'https://cdn.example/a.mp4'
  expect(await resolve({ id: 'v', url })).toEqual({ url })
  const source = { isPublic: true, url, open, mediaType: 'video/mp4', byteLength: 5, expiresAt: 9 }
  expect(await resolve({ id: 'v', source })).toEqual({ url, mediaType: 'video/mp4', byteLength: 5, expiresAt: 9 })
  expect(await resolve({ id: 'v', url, source, expiresAt: 7 })).toMatchObject({ expiresAt: 7 })
  expect(originalResolver({ name: 'mine', label: 'As it is' })).toMatchObject({ name: 'mine', label: 'As it is' })
})

test('has its own error when the public URL is missing', async () => {
  for (const source of [
    { isPublic: false, url: 'https://api.example/canary', open },
    { isPublic: true, open },
  ]) {
    const error = await rejection(resolve({ id: 'v_1', source }))
    expect(error).toMatchObject({ code: 'no-usable-url', source })
    expect(JSON.stringify(error)).not.toContain('canary')
  }
})
