import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const DEPENDENCIES = ['aws4fetch', 'ky', 'p-retry', 'is-network-error', 'zod', 'eventsource-parser', 'h264-mp4-encoder']

/** A project of a user in a temporary folder. */
export interface PackedProject {
  readonly folder: string
  remove(): Promise<void>
}

/**
 * Makes an empty project with the packed tarball of the built package in it. Its dependencies, and other packages that are named, are
 * linked, so that no network is needed.
 */
export async function packedProject(others: readonly string[] = []): Promise<PackedProject> {
  const folder = await mkdtemp(join(tmpdir(), 'sora-pipeline-packed-'))
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder])
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }]
  const target = join(folder, 'node_modules/sora-pipeline')
  await mkdir(target, { recursive: true })
  await run('tar', ['-xzf', join(folder, filename), '-C', target, '--strip-components=1'])
  for (const name of [...DEPENDENCIES, ...others]) {
    await symlink(resolve('node_modules', name), join(folder, 'node_modules', name))
  }
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'empty', type: 'module', dependencies: { 'sora-pipeline': '*' } }),
  )
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}
