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
  // Of the running process; from a kill on, of the next one.
  let listening = Promise.withResolvers<number>()
  let isListening = false
  let isKilled = false
  let isClosed = false
  let starts = 0

  const renew = () => {
    if (isListening) listening = Promise.withResolvers()
    isListening = false
    listening.promise.catch(() => undefined)
  }
  const launch = () => {
    starts += 1
    isKilled = false
    const launched = fork(programPath(), { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execArgv: [] })
    child = launched
    launched.stderr?.pipe(stderr, { end: false })
    launched.on('message', (message: FromServer) => {
      if (message.type !== 'listening') return onMessage(message)
      if (isKilled) return
      isListening = true
      listening.resolve(message.port)
    })
    launched.once('error', (error) => listening.reject(error))
    launched.once('exit', (code, signal) => {
      // One that ends before it listens would end again.
      if (isClosed || !(isListening || isKilled)) {
        listening.reject(new Error(`Could not start the server of the page: its process ended with ${code ?? signal}`))
        return
      }
      renew()
      launch()
    })
    send(start())
  }
  const send = (message: ToServer) => {
    // A process that was just killed receives nothing; the next one gets the state when it starts.
    if (child.connected) child.send(message, () => undefined)
  }
  renew()
  launch()

  return {
    port: () => listening.promise,
    get starts() {
      return starts
    },
    send,
    kill() {
      isKilled = true
      renew()
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
