import { relative } from 'node:path'
import { beforeEach } from 'vitest'
import { NOT_RUN } from './not-run-on-node-22.js'

beforeEach(({ task, skip }) => {
  const reason = NOT_RUN[`${relative(process.cwd(), task.file.filepath)} > ${fullNameOf(task)}`]
  if (reason !== undefined) skip(`not run on Node ${process.versions.node}: ${reason}`)
})

function fullNameOf({ name, suite }: { readonly name: string; readonly suite?: object | undefined }): string {
  const { name: outer = '', suite: further } = (suite ?? {}) as { name?: string; suite?: object }
  return outer === '' ? name : `${fullNameOf({ name: outer, suite: further })} > ${name}`
}
