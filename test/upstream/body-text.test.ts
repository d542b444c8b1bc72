import { expect, test, vi } from 'vitest'
import { discard, readBodyText } from '../../src/upstream/body-text.js'
import { rejection } from './stage-context.js'

const { signal } = new AbortController()

function bodyOf(chunks: readonly (string | readonly number[])[], isOpen = false) {
  const cancel = vi.fn()
  const left = chunks.map((chunk) => (typeof chunk === 'string' ? Buffer.from(chunk) : Uint8Array.from(chunk)))
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull(controller) {
        const chunk = left.shift()
        if (chunk !== undefined) controller.enqueue(new Uint8Array(chunk))
        else if (!isOpen) controller.close()
      },
      cancel,
    },
    { highWaterMark: 0 },
  )
  return { body, cancel, left }
}

test('a body is read to its end, whatever its pieces', async () => {
  expect(await readBodyText(bodyOf(['ab', '', 'cd']), 100, signal)).toEqual({ text: 'abcd', isCut: false })
  expect(await readBodyText(bodyOf([[0xe2, 0x82], [0xac]]), 100, signal)).toEqual({ text: '€', isCut: false })
  expect(await readBodyText(bodyOf(['a', [0xe2, 0x82]]), 100, signal)).toEqual({ text: 'a\uFFFD', isCut: false })
  expect(await readBodyText(bodyOf([]), 100, signal)).toEqual({ text: '', isCut: false })
  expect(await readBodyText({ body: null }, 100, signal)).toEqual({ text: '', isCut: false })
})

test('the file of a video is kept as its bytes, and never read as text', async () => {
  const head = [0, 0, 0, 24, 0x66, 0x74, 0x79, 0x70, 0x69, 0x73, 0x6f, 0x6d, 0xff, 0x00]
  const video = Uint8Array.from([...head, 1, 2])
  expect(await readBodyText(bodyOf([head, [1, 2]]), 100, signal)).toEqual({ text: '', video, isCut: false })
  const cut = await readBodyText(bodyOf([head, [1, 2]]), 15, signal)
  expect(cut).toEqual({ text: '', video: video.subarray(0, 15), isCut: true })
})

test('a body is whole up to the cap, and cut and closed past it', async () => {
  expect(await readBodyText(bodyOf(['ab', 'cd']), 4, signal)).toEqual({ text: 'abcd', isCut: false })
  const long = bodyOf(['ab', 'cde', 'never read'])
  expect(await readBodyText(long, 4, signal)).toEqual({ text: 'abcd', isCut: true })
  expect([long.cancel.mock.calls.length, long.left.length]).toEqual([1, 1])
})

test('an abort rejects with its reason and closes the body', async () => {
  const controller = new AbortController()
  const open = bodyOf(['ab'], true)
  const reading = rejection(readBodyText(open, 100, controller.signal))
  controller.abort('enough')
  expect(await reading).toBe('enough')
  expect(open.cancel).toHaveBeenCalledTimes(1)
})

test('errors of a discarded body are ignored', async () => {
  const cancel = vi.fn(() => Promise.reject(new Error('broken')))
  discard({ cancel })
  discard(null)
  discard(undefined)
  await Promise.resolve()
  expect(cancel).toHaveBeenCalledTimes(1)
})
