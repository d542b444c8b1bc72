// A client of the servers of this folder: the official one, with only its base URL changed.
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { OpenAI } from 'openai'
import { sandbox } from './backend.ts'

/**
 * Requests a video from a server and closes it; with `--serve` the server stays up for your own client, until Ctrl-C.
 */
export async function visit(server: Server): Promise<void> {
  if (!server.listening) await once(server, 'listening')
  const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
  console.log(`serving ${baseURL}, the key is my-key`)
  if (process.argv.includes('--serve')) await once(process, 'SIGINT')
  else await ask(new OpenAI({ baseURL, apiKey: 'my-key' }))
  server.close()
  server.closeAllConnections()
  await sandbox.close()
}

async function ask(client: OpenAI): Promise<void> {
  const chunks = await client.chat.completions.create({
    model: 'sora-1.0',
    stream: true,
    messages: [{ role: 'user', content: 'A cat playing piano' }],
  })
  for await (const { choices } of chunks) console.log(choices[0]?.delta.content?.trimEnd())
}
