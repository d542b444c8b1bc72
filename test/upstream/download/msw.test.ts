import { HttpResponse, http } from 'msw'
import { setupServer } from 'msw/node'
import { expect, onTestFinished, test } from 'vitest'
import { rejection } from '../stage-context.js'
import { fetchBytes } from './fetch-bytes.js'

test('a mock of the network serves it as well, without a lookup', async () => {
  const server = setupServer(
    http.get('https://cdn.example/a.mp4', () => HttpResponse.redirect('https://store.example/b.mp4')),
    http.get('https://store.example/b.mp4', () => HttpResponse.text('video')),
    http.get('https://cdn.example/inside', () => HttpResponse.redirect('https://10.0.0.1/b.mp4')),
  )
  server.listen({ onUnhandledFrame: 'error' })
  onTestFinished(() => server.close())
  expect(String((await fetchBytes('https://cdn.example/a.mp4')).bytes)).toBe('video')
  expect(await rejection(fetchBytes('https://cdn.example/inside'))).toMatchObject({ isRefusal: true })
})
