// What a program of a user does first, on the runtime that it is started with. Prints one line of JSON.
import { type RunStore, SoraPipeline, toChatCompletionChunks, toSse } from 'sora-pipeline'
import { createHandler } from 'sora-pipeline/http'
import { fileStore, sqliteStore } from 'sora-pipeline/stores'
import { mirrorResolver, videosApiGenerator } from 'sora-pipeline/strategies'

type Handler = (request: Request) => Promise<Response>

interface Server {
  readonly origin: string
  stop(): Promise<void>
}

// What is used of the globals of Bun and of Deno.
declare const Bun:
  | { serve(options: object): { readonly port: number; stop(isNow: boolean): Promise<void> } }
  | undefined
declare const Deno:
  | {
      serve(options: object, handler: Handler): { readonly addr: { readonly port: number }; shutdown(): Promise<void> }
    }
  | undefined

const { videosApi, mirrors, directory } = JSON.parse(process.argv[2] as string)
const generator = videosApiGenerator(videosApi)
const resolver = mirrorResolver({ hosts: mirrors, path: '/MP4/{videoId}.mp4' })
const pace = { allowPrivateAddresses: ['127.0.0.1'], pollSchedule: () => 100 }
const pipeline = new SoraPipeline({ generator, resolver, ...pace })
const request = { prompt: 'A cat', durationSeconds: 1, size: '64x64' } as const

async function quickstart() {
  const { url } = await pipeline.generate(request)
  return typeOf(await fetch(url))
}

async function chatStream() {
  const chunks = toChatCompletionChunks(pipeline.run(request), { progress: 'reasoning_content' })
  return framesOf(await new Response(toSse(chunks)).text())
}

async function backend() {
  const server = serve(createHandler(pipeline, { apiKeys: ['my-key'] }))
  const headers = { authorization: 'Bearer my-key' }
  const send = (path: string, body?: FormData | string, type?: string) =>
    fetch(`${server.origin}${path}`, {
      headers: { ...headers, ...(type !== undefined && { 'content-type': type }) },
      ...(body !== undefined && { method: 'POST', body }),
    })
  const chat = JSON.stringify({ model: 'sora-1.0', stream: true, messages: [{ role: 'user', content: 'A cat' }] })
  const stream = framesOf(await (await send('/v1/chat/completions', chat, 'application/json')).text())
  const form = new FormData()
  for (const [name, value] of Object.entries({ prompt: 'A dog', seconds: '4', size: '64x64' })) form.set(name, value)
  const image = new File([new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 1, 2, 3])], 'a.jpg', { type: 'image/jpeg' })
  form.set('input_reference', image)
  const created = await send('/v1/videos', form)
  let video = (await created.json()) as { readonly id: string; readonly status: string }
  for (let polls = 0; polls < 200 && !['completed', 'failed'].includes(video.status); polls += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    video = (await (await send(`/v1/videos/${video.id}`)).json()) as typeof video
  }
  const content = await typeOf(await send(`/v1/videos/${video.id}/content`))
  const refused = (await fetch(`${server.origin}/v1/models`)).status
  await server.stop()
  return { stream, created: created.status, video, content, refused }
}

async function stores() {
  const sqlite = sqliteStore({ path: `${directory}/runs.db` })
  const kept = [await keptIn(fileStore({ directory: `${directory}/runs` })), await keptIn(sqlite)]
  await sqlite.close()
  return kept
}

async function keptIn(store: RunStore) {
  const durable = new SoraPipeline({ generator, resolver, store, ...pace })
  await durable.generate(request, { id: 'run_1' })
  await durable.close()
  return (await store.load('run_1'))?.state.status
}

async function typeOf(response: Response) {
  return Buffer.from(await response.arrayBuffer()).toString('latin1', 4, 8)
}

function framesOf(text: string) {
  const frames = text.split('\n\n').flatMap((frame) => (frame.startsWith('data: ') ? [frame.slice(6)] : []))
  const deltas = frames.slice(0, -1).map((frame) => JSON.parse(frame).choices[0]?.delta ?? {})
  return { content: deltas.map((delta) => delta.content ?? '').join(''), last: frames.at(-1) }
}

function serve(fetch: Handler): Server {
  if (typeof Bun !== 'undefined') {
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', idleTimeout: 0, fetch })
    return { origin: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) }
  }
  if (typeof Deno === 'undefined') throw new Error('Could not serve: neither Bun nor Deno')
  const server = Deno.serve({ port: 0, hostname: '127.0.0.1', onListen: () => undefined }, fetch)
  return { origin: `http://127.0.0.1:${server.addr.port}`, stop: () => server.shutdown() }
}

const seen = { quickstart: await quickstart(), chatStream: await chatStream(), backend: await backend() }
await pipeline.close()
console.log(JSON.stringify({ ...seen, stores: await stores() }))
process.exit()
