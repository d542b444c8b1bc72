import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A process that runs a script of the tests on the built package, and talks in lines of JSON. */
export interface ScriptProcess {
  readonly child: ChildProcess
  /** Everything that it has reported. */
  readonly told: readonly unknown[]
  /** Resolves when it has reported something that fits, or rejects when it ends before. */
  next(fits: (told: unknown) => boolean): Promise<unknown>
  /** Sends a line to it. */
  send(line: string): void
  /** Ends it at once, as the kernel does when it runs out of memory. */
  kill(): Promise<void>
  /** Resolves with its end: the exit code, or the signal. What it printed as an error makes it reject, unless it was killed. */
  readonly ended: Promise<number | NodeJS.Signals>
}

/** Starts a script with a task. */
export function startScript(script: string, task: object): ScriptProcess {
  if (!existsSync(`${ROOT}dist/stores/index.js`))
    throw new Error('Could not find the built package, run: npm run build')
  const child = spawn(process.execPath, [`${ROOT}test/${script}`, JSON.stringify(task)], {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const told: unknown[] = []
  let errors = ''
  let look = () => {}
  createInterface({ input: child.stdout }).on('line', (line) => {
    told.push(JSON.parse(line))
    look()
  })
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  child.stdin.on('error', () => undefined) // Of a process that was killed.
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once('close', (code, signal) => {
      if (signal !== null) resolve(signal)
      else if (code === 0) resolve(code)
      else reject(new Error(`The process of ${script} failed: ${errors}`))
    })
  })
  ended.catch(() => undefined) // Code that waits for it still gets the rejection.
  return {
    child,
    told,
    ended,
    next: (fits) =>
      new Promise((resolve, reject) => {
        look = () => {
          const found = told.find(fits)
          if (found !== undefined) resolve(found)
        }
        look()
        ended.then(() => reject(new Error(`The process of ${script} ended early: ${errors}`)), reject)
      }),
    send: (line) => child.stdin.write(`${line}\n`),
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
