import { execFileSync, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from '../support/free-port.js'

/** A separate nginx in front of one server, or of several. */
export interface NginxServer {
  /** Where nginx listens. */
  readonly origin: string
  /** What it wrote to its error log. */
  readonly log: readonly string[]
  close(): Promise<void>
}

export interface NginxOptions {
  /** Origin of the server behind it; several take turns, request by request. */
  readonly upstream: string | readonly string[]
  /** For the one location, such as `proxy_read_timeout 1s;`. Without them everything is at its default. */
  readonly directives?: string | undefined
}

const NGINX = 'nginx'
// Where Debian has it, which is not in every PATH.
const ENV = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` }

/** Whether there is an nginx on this machine. */
export function isInstalled(): boolean {
  try {
    execFileSync(NGINX, ['-v'], { env: ENV, stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Starts nginx on a free port of loopback, with its own configuration and files, and resolves when it listens. */
export async function startNginx(options: NginxOptions): Promise<NginxServer> {
  const folder = await mkdtemp(join(tmpdir(), 'nginx-'))
  try {
    // nginx cannot be configured to take any free port, so another process may take the free one first.
    for (let tries = 1; ; tries += 1) {
      const log: string[] = []
      const nginx = await run(folder, await freePort(), options, log)
      if (nginx !== undefined) return nginx
      if (tries === 5) throw new Error(`Could not start nginx: ${log.join('\n')}`)
    }
  } catch (error) {
    await rm(folder, { recursive: true })
    throw error
  }
}

async function run(folder: string, port: number, options: NginxOptions, log: string[]) {
  const file = join(folder, 'nginx.conf')
  await writeFile(file, configuration(folder, port, options))
  const nginx = spawn(NGINX, ['-e', 'stderr', '-p', folder, '-c', file], {
    env: ENV,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const exit = new Promise<void>((resolve) => nginx.once('exit', () => resolve()))
  const listens = new Promise<boolean>((resolve, reject) => {
    nginx.once('error', reject)
    const lines = createInterface({ input: nginx.stderr })
    lines.on('line', (line) => {
      log.push(line)
      // It reports its start after it has opened its ports.
      if (line.includes('event method')) resolve(true)
    })
    lines.once('close', () => resolve(false))
  })
  if (!(await listens)) return undefined
  return {
    origin: `http://127.0.0.1:${port}`,
    log,
    close: async () => {
      nginx.kill()
      await exit
      await rm(folder, { recursive: true })
    },
  }
}

// One process, so that ending it leaves nothing behind.
function configuration(folder: string, port: number, { upstream, directives = '' }: NginxOptions): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  )
  const servers = [upstream].flat().map((origin) => `server ${new URL(origin).host};`)
  return `
    daemon off;
    master_process off;
    pid ${folder}/pid;
    error_log stderr notice;
    events {}
    http {
      access_log off;
      ${temporary.join(' ')}
      upstream backend { ${servers.join(' ')} }
      server {
        listen 127.0.0.1:${port};
        location / {
          proxy_pass http://backend;
          ${directives}
        }
      }
    }`
}
