import { type ChildProcess, fork } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Writable } from 'node:stream'
import type { FromServer, ToServer } from './play-messages.js'

/** The server of `play` in a process of its own, which can be killed. */
export interface ServerProcess {
  /** The port of the running process, once it listens. Rejects when no process starts. */
  port(): Promise<number>
  /** How often a process was started. */
  readonly starts: number
  send(message: ToServer): void
  /** Ends the process at once (SIGKILL); another one is started. */
  kill(): void
  /** Ends the process for good. */
  close(): void
}

interface ServerProcessOptions {
  /** The first message to each process. */
  readonly start: () => ToServer
  readonly stderr: Writable
  onMessage(message: FromServer): void
}

/** Starts the process, and another one whenever it ends after it has listened. */
export function serverProcess({ start, stderr, onMessage }: ServerProcessOptions): ServerProcess {
  let child: ChildProcess
  let listening: Promise<number>
  let starts = 0
  let isClosed = false
  let isKilled = false

  const launch = () => {
    starts += 1
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    listening = promise
    promise.catch(() => undefined)
    let hasListened = false
    isKilled = false
    const launched = fork(programPath(), { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execArgv: [] })
    child = launched
    launched.stderr?.pipe(stderr, { end: false })
    launched.on('message', (message: FromServer) => {
      if (message.type !== 'listening') return onMessage(message)
      hasListened = true
      resolve(message.port)
    })
    launched.once('error', reject)
    launched.once('exit', (code, signal) => {
      // One that ends before it listens would end again.
      if (isClosed || !(hasListened || isKilled)) {
        reject(new Error(`Could not start the server of the page: its process ended with ${code ?? signal}`))
        return
      }
      launch()
      resolve(listening)
    })
    send(start())
  }
  const send = (message: ToServer) => {
    // A process that was just killed receives nothing; the next one gets the state when it starts.
    if (child.connected) child.send(message, () => undefined)
  }
  launch()

  return {
    port: () => listening,
    get starts() {
      return starts
    },
    send,
    kill() {
      isKilled = true
      child.kill('SIGKILL')
    },
    close() {
      isClosed = true
      child.kill('SIGKILL')
    },
  }
}

// By the name of the package, because the depth of a built file is unknown.
function programPath(): string {
  const packageFile = createRequire(import.meta.url).resolve('sora-pipeline/package.json')
  return join(dirname(packageFile), 'dist/cli/play-server.js')
}
