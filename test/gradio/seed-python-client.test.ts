import { execFile } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SoraPipeline, toChatCompletion } from '../../src/index.js'
import { fakeGenerator, fakeUploader } from '../../src/testing/index.js'
import { seedCode } from '../openai/seed-document.js'
import { isInstalled, pythonOf } from './gradio-server.js'

const run = promisify(execFile)
const isSkipped = !isInstalled('newest') && process.env.GRADIO_REQUIRED !== '1'
const title = 'the Python client of the document'
if (isSkipped) console.warn('skipped: the Python client of the seed document; run test/gradio/setup.sh')

// The client's address is made up: requests sends what goes there to the server of the test.
const WRAPPER = `
import sys, requests
from requests.adapters import HTTPAdapter
class Loopback(HTTPAdapter):
    def send(self, request, **kwargs):
        request.url = request.url.replace('https://your-api.com', sys.argv[1])
        return super().send(request, **kwargs)
requests.Session.get_adapter = lambda self, url: Loopback()
exec(sys.argv[2])
`

describe.skipIf(isSkipped)(isSkipped ? `${title} (skipped: run test/gradio/setup.sh)` : title, () => {
  let server: Server
  beforeAll(async () => {
    const pipeline = new SoraPipeline({ generator: fakeGenerator(), uploader: fakeUploader() })
    server = createServer(async (request, response) => {
      const { messages } = (await new Response(request as never).json()) as { messages: { content: string }[] }
      const answer = await toChatCompletion(pipeline.run({ prompt: messages[0]?.content ?? '' }))
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })
  afterAll(() => new Promise((resolve) => server.close(resolve)))

  it('runs unchanged', async () => {
    const code = seedCode('python')
    expect(code).toContain("'https://your-api.com/v1/chat/completions'")
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { stdout } = await run(pythonOf('newest'), ['-c', WRAPPER, origin, code], { timeout: 20_000 })
    expect(stdout).toBe('Video URL: https://drive.google.com/file/d/xxx/view\n')
  })
})
