import type { ChatCompletionsGeneratorOptions } from '../../../src/strategies/index.js'
import { chatCompletionsGenerator } from '../../../src/strategies/index.js'
import { type LoopbackServer, loopbackServer } from '../../upstream/loopback-server.js'

/** What a chat server does after its headers: a text or bytes are written, `cut` destroys the connection, `hang` leaves it open. */
export type Script = readonly (string | Buffer | 'cut' | 'hang')[]

export const SECRET = 'canary-chat-key'

/** One chunk of a stream. */
export function chunk(delta: object, finish: string | null = null, more: object = {}): string {
  const choices = [{ index: 0, delta, finish_reason: finish, native_finish_reason: finish }]
  return `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'sora', choices, ...more })}\n\n`
}

/** An event whose data is JSON of any shape. */
export function frame(body: unknown): string {
  return `data: ${JSON.stringify(body)}\n\n`
}

export const DONE = 'data: [DONE]\n\n'

/** A server that streams a script in answer to every request. */
export function chatServer(script: Script, headers: Record<string, string> = {}): Promise<LoopbackServer> {
  return loopbackServer(async (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', ...headers })
    for (const step of script) {
      if (step === 'hang') {
        response.flushHeaders()
        return
      }
      if (step === 'cut') {
        // What was written must have arrived: a reset overtakes it otherwise.
        await new Promise((resolve) => response.write(': \n\n', resolve))
        await new Promise((resolve) => setImmediate(resolve))
        response.destroy()
        return
      }
      response.write(step)
    }
    response.end()
  })
}

/** A generator for a server. */
export function generatorAt(server: LoopbackServer, options: Partial<ChatCompletionsGeneratorOptions> = {}) {
  return chatCompletionsGenerator({
    baseUrl: `${server.origin}/v1`,
    apiKey: SECRET,
    model: 'sora2-landscape-10s',
    ...options,
  })
}
