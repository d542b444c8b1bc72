// npm run reference     writes src/reference/*.md from the hover texts of src
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../repository/source-files.ts'
import { referencePages } from './reference.ts'

const FOLDER = join(ROOT, 'src/reference')

mkdirSync(FOLDER, { recursive: true })
const pages = await referencePages()
for (const name of readdirSync(FOLDER)) if (!pages.has(name)) rmSync(join(FOLDER, name))
for (const [name, text] of pages) writeFileSync(join(FOLDER, name), text)
console.log(`src/reference: ${pages.size} pages`)
