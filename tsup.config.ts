import { readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { defineConfig, type Options } from 'tsup'

type Plugin = NonNullable<Options['esbuildPlugins']>[number]

const target = 'node22'
const workerUrl = /new URL\('\.\/([\w-]+)\.ts', import\.meta\.url\)/

// A bundler of a user moves the library's code into a file of its own, where no worker file is beside it. So each worker travels as
// text in the module that starts it.
const workersAsText: Plugin = {
  name: 'workers-as-text',
  setup(build) {
    build.onLoad({ filter: /[\\/](?:video-renderer|database-thread)\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8')
      const name = workerUrl.exec(text)?.[1]
      if (name === undefined) throw new Error(`Could not build the worker of ${basename(path)}: it names no file`)
      const entryPoints = [join(dirname(path), `${name}.ts`)]
      const { outputFiles } = await build.esbuild.build({
        entryPoints,
        bundle: true,
        write: false,
        format: 'esm',
        platform: 'node',
        target,
      })
      // Without a name of its own, a stack would show the whole text.
      const code = `${outputFiles[0]?.text}//# sourceURL=sora-pipeline/${name}.js`
      const url = `new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(code)}))`
      return { contents: text.replace(workerUrl, () => url), loader: 'ts' }
    })
  },
}

const pageFile = /readFileSync\(new URL\('\.\/(page\.html)', import\.meta\.url\), 'utf8'\)/

// For the same reason the page travels as text in the module that serves it.
const pageAsText: Plugin = {
  name: 'page-as-text',
  setup(build) {
    build.onLoad({ filter: /[\\/]page-document\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8')
      const name = pageFile.exec(text)?.[1]
      if (name === undefined) throw new Error(`Could not build the page: ${basename(path)} reads no file`)
      const page = await readFile(join(dirname(path), name), 'utf8')
      // Without comments and blanks, which are a fifth of it.
      let short = page.replaceAll(/^ +/gm, '')
      for (const [element, loader] of [
        ['style', 'css'],
        ['script', 'js'],
      ] as const) {
        const [, begin = '', code = '', end = ''] =
          new RegExp(`(<${element}(?: [^>]*)?>)([\\s\\S]*?)(</${element}>)`).exec(page) ?? []
        const options = { loader, charset: 'utf8', minifyWhitespace: true, format: 'esm' } as const
        const { code: written } = await build.esbuild.transform(code, options)
        short = short.replace(new RegExp(`<${element}[ >][\\s\\S]*?</${element}>`), () => begin + written + end)
      }
      return { contents: text.replace(pageFile, () => JSON.stringify(short)), loader: 'ts' }
    })
  },
}

const mainPart = /[\\/]pipeline[\\/]sora-pipeline\.ts$/
const otherParts =
  /[\\/]src[\\/](?:(?:ai-sdk|http|jobs|otel|sandbox|settings|stores|strategies|testing)[\\/]index|cli[\\/]command-line|pipeline[\\/]engine-parts)\.ts$/

// Modules that the same entry files reach share a chunk. Each file costs the import of the library as much as 50 KB of code, so every
// part reaches all that the main entry file has. What is not used stays out of their own code.
const fewerChunks: Plugin = {
  name: 'fewer-chunks',
  setup(build) {
    build.onLoad({ filter: otherParts }, async ({ path }) => {
      return { contents: `${await readFile(path, 'utf8')}\nimport '../index.js'\n`, loader: 'ts' }
    })
    // For `completeIndex`, without an entry file of its own.
    build.onLoad({ filter: mainPart }, async ({ path }) => {
      const provide =
        "export { provideModules } from '../contracts/module-now.js'\nexport { keepEngine } from './load-engine.js'"
      return { contents: `${await readFile(path, 'utf8')}\n${provide}\n`, loader: 'ts' }
    })
  },
}

/**
 * Completes the main entry files. A bundle of SoraPipeline alone must find it apart from the other names, and leaves the first import out,
 * because the package has no side effects. A program without a bundler must load the engine of a run in the turn of its first call: Node
 * by `require`, and what else loads the files one by one, such as a test runner that changes them, together with the entry file.
 */
async function completeIndex(): Promise<void> {
  await ownNames('dist/library.js')
  const engines = (await readdir('dist')).filter((name) => /^engine-parts-\w+\.js$/.test(name))
  if (engines.length !== 1) throw new Error(`Could not find the engine among the files: ${engines.join(', ')}`)
  await writeLines('dist/provide-modules.js', [
    "import { provideModules } from './pipeline/sora-pipeline.js'",
    'let require',
    'provideModules((name) => {',
    "  require ??= process.getBuiltinModule('node:module').createRequire(import.meta.url)",
    `  return require(name === 'engine' ? './${engines[0]}' : name)`,
    '})',
  ])
  await writeLines('dist/keep-engine.js', [
    "import * as ky from 'ky'",
    "import { keepEngine, provideModules } from './pipeline/sora-pipeline.js'",
    `import { engineParts } from './${engines[0]}'`,
    'keepEngine(engineParts)',
    "provideModules((name) => (name === 'ky' ? ky : undefined))",
  ])
  const names = ["export { SoraPipeline } from './pipeline/sora-pipeline.js'", "export * from './library.js'"]
  await writeLines('dist/index.js', ["import './provide-modules.js'", ...names])
  await writeLines('dist/whole.js', ["import './keep-engine.js'", ...names])
}

// esbuild puts the files of names that are exported again into the same file as the bundle of another name, if they are also needed
// later. Names that the file has itself stay apart.
async function ownNames(path: string): Promise<void> {
  const text = await readFile(path, 'utf8')
  const [list = '', names = ''] = /^export \{([^}]*)\};$/m.exec(text) ?? []
  const pairs = names.split(',').map((name) => name.trim().split(' as '))
  const own = pairs.map(([name = '', exported = name]) => ({ name, exported }))
  if (names === '') throw new Error(`Could not find the names of the main entry file: ${path}`)
  await writeFile(
    path,
    text.replace(list, () =>
      [
        ...own.map(({ name }, index) => `const own${index} = ${name}`),
        `export { ${own.map(({ exported }, index) => `own${index} as ${exported}`).join(', ')} }`,
      ].join('\n'),
    ),
  )
}

function writeLines(path: string, lines: readonly string[]): Promise<void> {
  return writeFile(path, `${lines.join('\n')}\n`)
}

export default defineConfig({
  format: 'esm',
  target,
  // tsc emits the declarations.
  dts: false,
  splitting: true,
  // node:sqlite has no other name.
  removeNodeProtocol: false,
  // The command imports the package by its own name, as its users do.
  external: [/^sora-pipeline/],
  // As a package of its own it takes longer to load than all of the library. The bundle has only the parts in use.
  noExternal: [/^zod/],
  sourcemap: true,
  esbuildOptions(options) {
    // Maps with the sources are two thirds of the package.
    options.sourcesContent = false
    options.logOverride = { 'ignored-bare-import': 'silent' }
  },
  esbuildPlugins: [workersAsText, pageAsText, fewerChunks],
  onSuccess: completeIndex,
  entry: {
    library: 'src/index.ts',
    'pipeline/sora-pipeline': 'src/pipeline/sora-pipeline.ts',
    'strategies/index': 'src/strategies/index.ts',
    'http/index': 'src/http/index.ts',
    'stores/index': 'src/stores/index.ts',
    'jobs/index': 'src/jobs/index.ts',
    'ai-sdk/index': 'src/ai-sdk/index.ts',
    'settings/index': 'src/settings/index.ts',
    'otel/index': 'src/otel/index.ts',
    'testing/index': 'src/testing/index.ts',
    'sandbox/index': 'src/sandbox/index.ts',
    'cli/main': 'src/cli/main.ts',
    'cli/play-server': 'src/cli/play/play-server.ts',
  },
})
