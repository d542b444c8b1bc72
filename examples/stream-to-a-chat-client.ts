// A chat completion endpoint by hand: the run as server-sent events that every OpenAI client reads.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline as connect } from 'node:stream/promises'
import { SoraPipeline, toChatCompletionChunks, toOpenAiError, toSse } from 'sora-pipeline'
import { startSandbox } from 'sora-pipeline/sandbox'
import { mirrorResolver, videosApiGenerator } from 'sora-pipeline/strategies'

const sandbox = await startSandbox({ speed: 4 })
const pipeline = new SoraPipeline({
  generator: videosApiGenerator(sandbox.videosApi),
  resolver: mirrorResolver({ hosts: sandbox.mirrors, path: '/MP4/{videoId}.mp4' }),
})

const server = createServer(async (request, response) => {
  try {
    const { messages } = (await new Response(request as never).json()) as { messages: { content: string }[] }
    const run = pipeline.run({ prompt: messages.at(-1)?.content ?? '' })
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    })
    // A client that disconnects ends the stream and not the run, because the video is already paid for.
    await connect(toSse(toChatCompletionChunks(run, { progress: 'reasoning_content' })), response)
  } catch (error) {
    if (response.headersSent) return void response.destroy()
    const { status, headers, body } = toOpenAiError(error)
    response.writeHead(status, { ...headers, 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')

const { port } = server.address() as AddressInfo
const ask = (content: string) =>
  fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'sora-1.0', stream: true, messages: [{ role: 'user', content }] }),
  })

const answer = await ask('A cat playing piano')
if (!answer.ok) throw new Error(`Could not ask for a video: ${answer.status}, ${await answer.text()}`)
for await (const text of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
  process.stdout.write(text)
}
const refused = await ask('')
console.log(refused.status, await refused.text())

server.close()
await sandbox.close()
