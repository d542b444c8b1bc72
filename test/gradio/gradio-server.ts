import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A real Gradio server with the function of a url2drive Space. */
export interface GradioServer {
  readonly origin: string
  /** Ends it as a crash would. */
  kill(): Promise<void>
}

export interface GradioServerOptions {
  readonly version: '4' | '5' | 'newest'
  readonly inputs: 2 | 3
  readonly password: string
  /** Without one the server is open to everybody. */
  readonly token?: string | undefined
}

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url))
/** The Python of an environment of `setup.sh`. */
export const pythonOf = (version: GradioServerOptions['version']) => pathOf(`.venv-${version}/bin/python`)

/** Whether `setup.sh` has made the environment of a version. */
export function isInstalled(version: GradioServerOptions['version']): boolean {
  return existsSync(pythonOf(version))
}

/** Starts a server that reaches nothing but loopback, and resolves when it answers. At most one upload waits in its queue. */
export async function startGradioServer(options: GradioServerOptions): Promise<GradioServer> {
  const { version, inputs, password, token } = options
  if (!isInstalled(version)) throw new Error(`Could not start Gradio ${version}: run test/gradio/setup.sh first`)
  const flags = ['--inputs', String(inputs), '--max-size', '1', ...(token === undefined ? [] : ['--token', token])]
  const server = spawn(pythonOf(version), [pathOf('app.py'), ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      SPACE_PASSWORD: password,
      GRADIO_ANALYTICS_ENABLED: 'False',
      HF_HUB_OFFLINE: '1',
      no_proxy: '*',
    },
  })
  const errors: string[] = []
  server.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text))
  const exit = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  const kill = async () => {
    server.kill('SIGKILL')
    await exit
  }
  try {
    const failed = exit.then(() => Promise.reject(new Error(`Could not start Gradio ${version}:\n${errors.join('')}`)))
    const origin = await Promise.race([originIn(server.stdout), failed])
    await Promise.race([untilReady(origin, token), failed])
    failed.catch(() => undefined) // From here on its end is what the tests want.
    return { origin, kill }
  } catch (error) {
    await kill()
    throw error
  }
}

// Gradio 5 itself prints a line first.
async function originIn(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) if (line.startsWith('http')) return line
  return new Promise(() => undefined) // Its exit shows why.
}

// The port takes connections before the server does: the first answer may come late, but it comes.
async function untilReady(origin: string, token: string | undefined): Promise<void> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const response = await fetch(`${origin}/config`, { headers, signal: AbortSignal.timeout(120_000) })
  if (!response.ok) throw new Error(`Could not use the Gradio server: it answered ${response.status}`)
  await response.arrayBuffer()
}
