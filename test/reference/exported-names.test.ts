import { expect, test } from 'vitest'
import { globalNames } from './global-names.ts'
import { optionTypes } from './option-types.ts'
import { type Declared, type ParsedFile, parseFile } from './parsed-source.ts'
import { entryPoints } from './public-names.ts'
import { hiddenNames } from './used-names.ts'

const ENTRIES = entryPoints()
const [main] = ENTRIES

// The name of the stage; it was chosen before `function*` had a type of that name in every program.
const SHADOWS: ReadonlySet<string> = new Set(['Generator'])

test.each(ENTRIES.map((entry) => [entry.specifier, entry] as const))(
  '%s exports every type that its declarations name',
  (_, entry) => {
    const hidden = hiddenNames(entry, entry === main ? undefined : main)
    expect(hidden.map(({ name, usedBy, path }) => `export ${name} of src/${path}: ${usedBy} names it`)).toEqual([])
  },
)

test('a name that is used and not exported is found, in options, parameters, results, overloads and inherited fields', () => {
  const file = parseFile(
    'a.ts',
    `interface Hidden { readonly b: Deep }
     interface Deep {}
     interface Kept { readonly own: Deep }
     /** Yes. */
     export interface Options extends Pick<Kept, 'own'> { readonly a: Hidden | undefined }
     export function f(options: Options): Promise<Hidden>
     export function f(options: Options | Secret): unknown { return options as Body }
     interface Secret {}
     interface Body {}
     export class C { #own: Deep = 1; private a: Deep; b(c: Hidden): void { const d: Body = 1 } }`,
  )
  expect(namesUsedBy(file, 'Options')).toEqual(['Deep', 'Hidden', 'Kept'])
  expect(namesUsedBy(file, 'f')).toEqual(['Hidden', 'Options'])
  expect(namesUsedBy(file, 'C')).toEqual(['Hidden'])
})

test('no exported name is that of a global of the language, of Node or of the DOM', () => {
  const globals = globalNames()
  for (const known of [
    'ErrorOptions',
    'Request',
    'Credential',
    'Buffer',
    'NodeJS',
    'BufferEncoding',
    'fetch',
    'Generator',
  ]) {
    expect(globals, known).toContain(known)
  }
  const shadows = ENTRIES.flatMap(({ specifier, names }) =>
    [...names.keys()]
      .filter((name) => globals.has(name) && !SHADOWS.has(name))
      .map((name) => `${specifier}: rename ${name}`),
  )
  expect(shadows).toEqual([])
})

// One name for one thing. Intended differences have a reason.
const MEANINGS: Readonly<Record<string, string>> = {
  concurrency: 'that of a combinator may differ between its strategies',
  clock: 'what needs less of a clock asks for less',
  headers: 'those of a publisher may be a function, and those of a false answer may be lists',
  apiKey: 'that of a sandbox is compared, and never sent',
  secrets: 'those of settings have names',
  video: 'that of a request is an input, and that of a fake an output',
  progress: 'that of a chat is where it is shown, that of a fake what is reported',
  create: 'that of a suite makes its subject, and that of a generator its request',
  cancel: 'that of a fake is an outcome, and that of a generator a request',
  imageUrls: 'a chat has no place for a file, and JSON none for bytes',
  hangs: 'a fake of several methods says which',
  url: 'that of an S3 uploader says which kind of URL the result has',
}

test('an option of one name has one type in all option types', () => {
  // Settings describe what options hold, and may be JSON only.
  const types = optionTypes(ENTRIES).filter(({ name }) => !/Settings$|^StoredRequest$/.test(name))
  const uses = types.flatMap(({ name, members }) =>
    members.map((member) => ({ option: member.name, type: member.type, name })),
  )
  const differing = [...Map.groupBy(uses, ({ option }) => option)]
    .filter(([, found]) => new Set(found.map(({ type }) => type)).size > 1)
    .map(([option]) => option)
  expect(differing.sort()).toEqual(Object.keys(MEANINGS).sort())
})

test('a time, a size and a count of attempts have the same word everywhere', () => {
  const names = optionTypes(ENTRIES).flatMap(({ name, members }) => members.map((member) => `${name}.${member.name}`))
  const wrong = names.filter((name) =>
    /\.(?:timeout|delay|interval|ttl|retries|maxRetries|attempts|requestTimeoutMs|key|token|baseURL|size[A-Z]\w*|\w+(?:Millis|Sec|Secs|Minutes))$/.test(
      name,
    ),
  )
  // A parse server calls it a token itself, and so does Hugging Face, whose token is not that of the Space. The key of an object in a
  // store is no credential.
  const named = ['S3UploaderOptions.key', 'StorageUploaderOptions.key', 'WebdavUploaderOptions.key']
  expect(wrong.filter((name) => !named.includes(name))).toEqual([
    'ParseServerResolverOptions.token',
    'Url2driveUploaderOptions.token',
  ])
})

function namesUsedBy(file: ParsedFile, name: string): readonly string[] {
  const names = new Map<string, Declared>([[name, file.declared.get(name) as Declared]])
  return [...new Set(hiddenNames({ names }).map((hidden) => hidden.name))].sort()
}
