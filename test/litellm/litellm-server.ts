import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../support/free-port.js'

/** A real LiteLLM proxy in front of one OpenAI-compatible server. */
export interface LiteLlmServer {
  /** Base URL as a client takes it, with `/v1`. */
  readonly baseUrl: string
  readonly apiKey: string
  close(): Promise<void>
}

const PROGRAM = fileURLToPath(new URL('.venv/bin/litellm', import.meta.url))
const API_KEY = 'sk-canary-key-of-the-proxy-0123456789'
// It imports a hundred packages.
const START_MS = 180_000

export const isLiteLlmSkipped = !existsSync(PROGRAM) && process.env.LITELLM_REQUIRED !== '1'

/** Starts a proxy whose model `sora-2` is that of a server, and resolves when it answers. */
export async function startLiteLlm(upstream: {
  readonly baseUrl: string
  readonly apiKey: string
}): Promise<LiteLlmServer> {
  if (!existsSync(PROGRAM)) throw new Error('Could not start LiteLLM: run test/litellm/setup.sh first')
  const folder = await mkdtemp(join(tmpdir(), 'litellm-'))
  const config = join(folder, 'config.json')
  const params = { model: 'openai/sora-2', api_base: upstream.baseUrl, api_key: upstream.apiKey }
  const models = [{ model_name: 'sora-2', litellm_params: params }]
  await writeFile(config, JSON.stringify({ model_list: models, general_settings: { master_key: API_KEY } }))
  const port = await freePort()
  const server = spawn(PROGRAM, ['--config', config, '--host', '127.0.0.1', '--port', String(port)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // It reaches nothing but loopback.
    env: { ...process.env, LITELLM_LOCAL_MODEL_COST_MAP: 'True', NO_PROXY: '*', no_proxy: '*' },
  })
  const output: string[] = []
  for (const stream of [server.stdout, server.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => output.push(text))
  }
  const exit = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  const close = async () => {
    server.kill('SIGKILL')
    await exit
    await rm(folder, { recursive: true, force: true })
  }
  const origin = `http://127.0.0.1:${port}`
  const failed = exit.then(() => Promise.reject(new Error(`Could not start LiteLLM:\n${output.join('')}`)))
  try {
    await Promise.race([untilReady(origin), failed])
    failed.catch(() => undefined) // From here on its end is what the tests want.
    return { baseUrl: `${origin}/v1`, apiKey: API_KEY, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function untilReady(origin: string): Promise<void> {
  const deadline = performance.now() + START_MS
  while (performance.now() < deadline) {
    const isReady = await fetch(`${origin}/health/liveliness`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isReady) return
    await setTimeout(200)
  }
  throw new Error(`Could not start LiteLLM: no answer within ${START_MS} ms`)
}
