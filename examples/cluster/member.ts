// The processes of the cluster, as main.ts sees them.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A process of the cluster. */
export interface Member {
  /** Such as `worker-1`. */
  readonly name: string
  readonly child: ChildProcess
  /** Of an HTTP process. */
  readonly port: number
  /** Events of runs that it worked on, with the time at which they were received. */
  readonly events: readonly RunEvent[]
  /** Ends it, unless it has ended. */
  end(): Promise<void>
}

export interface RunEvent {
  readonly runId: string
  readonly type: string
  readonly at: number
}

/** Starts `worker.ts` or `http.ts`, and resolves when it is ready. */
export async function startMember(role: 'worker' | 'http', number: number, env: NodeJS.ProcessEnv): Promise<Member> {
  const name = `${role}-${number}`
  const child = fork(fileURLToPath(new URL(`${role}.ts`, import.meta.url)), {
    env: { ...process.env, ...env, NAME: name },
  })
  const exited = once(child, 'exit')
  const events: RunEvent[] = []
  const port = await new Promise<number>((resolve, reject) => {
    child.on('message', (message: { ready?: true; port?: number } & Partial<RunEvent>) => {
      if (message.ready) resolve(message.port ?? 0)
      else events.push({ runId: String(message.runId), type: String(message.type), at: Date.now() })
    })
    exited.then(() => reject(new Error(`Could not start ${name}: it ended`)), reject)
  })
  return {
    name,
    child,
    port,
    events,
    async end() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
