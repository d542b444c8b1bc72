import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'

/** What a command printed, and how it ended. */
export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A folder of an operator, in which the built package is installed. */
export interface OperatorProject {
  readonly folder: string
  /** Runs `sora-pipeline` with arguments, as a child process without a terminal. */
  command(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>
  /** Runs a line of a shell, word for word. */
  shell(line: string, env?: Readonly<Record<string, string>>): Promise<Ended>
  write(name: string, text: string): Promise<string>
  remove(): Promise<void>
}

/** Creates a folder with the built package under `node_modules`, as npm installs it. */
export async function operatorProject(): Promise<OperatorProject> {
  const folder = await mkdtemp(join(tmpdir(), 'sora-pipeline-operator-'))
  const modules = join(folder, 'node_modules')
  await mkdir(join(modules, '.bin'), { recursive: true })
  await symlink(resolve('.'), join(modules, 'sora-pipeline'))
  await symlink('../sora-pipeline/dist/cli/main.js', join(modules, '.bin/sora-pipeline'))
  await writeFile(join(folder, 'package.json'), '{"name":"operator","private":true,"type":"module"}')
  const path = [dirname(process.execPath), process.env.PATH].join(delimiter)
  const run = (file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    new Promise<Ended>((done) => {
      const options = { cwd: folder, env: { ...process.env, PATH: path, ...env } }
      const child = execFile(file, [...args], options, (_error, stdout, stderr) => {
        done({ code: child.exitCode ?? -1, stdout, stderr })
      })
      child.stdin?.end()
    })
  return {
    folder,
    command: (args, env) => run(process.execPath, [resolve('dist/cli/main.js'), ...args], env),
    shell: (line, env) => run('/bin/sh', ['-c', line], env),
    async write(name, text) {
      const file = join(folder, name)
      await writeFile(file, text)
      return file
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
