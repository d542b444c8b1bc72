import { describe, expect, test } from 'vitest'
import { seedCode } from '../../openai/seed-document.js'
import { isPythonLeftOut, pythonTitle, runPython } from '../../python/python-client.js'
import { startPromptedBackend, VIDEO_URL } from './start-backend.js'

// The client's address is made up: requests sends what goes there to the server of the test.
const SEED = `
import sys, requests
from requests.adapters import HTTPAdapter
class Loopback(HTTPAdapter):
    def send(self, request, **kwargs):
        request.url = request.url.replace('https://your-api.com', sys.argv[1])
        return super().send(request, **kwargs)
requests.Session.get_adapter = lambda self, url: Loopback()
exec(sys.argv[2])
`

const STREAM = `
import json, requests, sys
address, key, prompt = sys.argv[1:]
body = {'messages': [{'role': 'user', 'content': prompt}], 'stream': True}
answer = requests.post(address, headers={'Authorization': f'Bearer {key}'}, json=body, stream=True)
lines = [line for line in answer.iter_lines(decode_unicode=True) if line.startswith('data: ')]
print(json.dumps([answer.status_code, answer.encoding, *lines]))
`

describe.skipIf(isPythonLeftOut)(pythonTitle('requests for Python'), { timeout: 60_000 }, () => {
  test('runs the client of the document unchanged', async () => {
    const { origin } = await startPromptedBackend({}, { apiKeys: ['YOUR_API_KEY'] })
    expect(await runPython(SEED, origin, seedCode('python'))).toBe(`Video URL: ${VIDEO_URL}\n`)
  })

  test('reads a stream line by line, in UTF-8', async () => {
    const { baseUrl } = await startPromptedBackend({}, { apiKeys: ['key'] })
    const printed = await runPython(STREAM, `${baseUrl}/chat/completions`, 'key', 'A cat')
    const [status, encoding, ...lines] = JSON.parse(printed) as [number, string, ...string[]]
    expect([status, encoding.toLowerCase()]).toEqual([200, 'utf-8'])
    expect(lines[0]).toMatch(/[\u4e00-\u9fff]/)
    expect(lines.at(-2)).toContain(VIDEO_URL)
    expect(lines.at(-1)).toBe('data: [DONE]')
  })

  test('reads an error frame in mid-stream, and the end after it', async () => {
    const { baseUrl } = await startPromptedBackend({}, { apiKeys: ['key'] })
    const printed = await runPython(STREAM, `${baseUrl}/chat/completions`, 'key', 'fail quota')
    const lines = JSON.parse(printed) as [number, string, ...string[]]
    expect(lines.at(-2)).toMatch(/^data: \{"error":\{.*"code":"insufficient_quota"/)
    expect(lines.at(-1)).toBe('data: [DONE]')
  })
})
