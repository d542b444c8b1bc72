import { type ChildProcess, execFileSync, spawn } from 'node:child_process'

/** Who a server runs as, and what it sees. */
export interface ServerUser {
  readonly uid?: number
  readonly gid?: number
  readonly env: NodeJS.ProcessEnv
}

/** A server of its own, as one process on this machine. */
export interface ServerProcess {
  readonly child: ChildProcess
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>
}

/**
 * Starts a server and resolves when it says that it is ready; `undefined` when it ends before, such as for a port that another process
 * took. `log` gets what it says.
 */
export async function startProcess(
  command: string,
  args: readonly string[],
  { isReady, user, log }: { isReady(line: string): boolean; readonly user: ServerUser; readonly log: string[] },
): Promise<ServerProcess | undefined> {
  const child = spawn(command, args, { ...user, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const isUp = new Promise<boolean>((resolve, reject) => {
    child.once('error', reject)
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        log.push(text)
        if (text.split('\n').some(isReady)) resolve(true)
      })
    }
    ended.then(() => resolve(false))
  })
  return (await isUp) ? { child, ended } : undefined
}

/** Ends a server with a signal, and waits for it. */
export async function endProcess({ child, ended }: ServerProcess, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal)
  await ended
}

/** Whether a program is on this machine. */
export function isInstalled(command: string, env: NodeJS.ProcessEnv): boolean {
  try {
    execFileSync(command, ['--version'], { env, stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
