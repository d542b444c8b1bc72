// npm run faults                      plays the whole matrix and prints it as Markdown
// npm run faults -- --only 'reset'    only the cells whose fault or stage has that text
import { parseArgs } from 'node:util'
import { cells, playCells } from './matrix.ts'
import { hasPassed, knownOf, toMarkdown } from './report.ts'

const { values } = parseArgs({ options: { only: { type: 'string' } } })
const { only = '' } = values
const reports = await playCells(cells().filter(({ fault, stage }) => `${fault}, ${stage}`.includes(only)))
console.log(toMarkdown(reports))
if (reports.some((report) => !hasPassed(report) && knownOf(report) === undefined)) process.exitCode = 1
