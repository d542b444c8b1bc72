import type { CopyVideo } from './places.ts'

/** What a program does without a library: the body of one fetch is that of another. */
export const copyVideo: CopyVideo = async ({ source, sink }) => {
  const { body } = await fetch(source)
  const init: RequestInit & { readonly duplex: 'half' } = { method: 'POST', body, duplex: 'half' }
  await (await fetch(sink, init)).text()
}
