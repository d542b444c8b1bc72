import { readFile, writeFile } from 'node:fs/promises'
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

const SHARED = [
  'contracts/before-submit',
  'contracts/callback-url',
  'contracts/check-options',
  'contracts/diagnosable-store',
  'contracts/errors',
  'contracts/input-errors',
  'contracts/lazy-part',
  'contracts/option-rules',
  'contracts/retained-run',
  'contracts/run-errors',
  'contracts/sha256',
  'contracts/upstream-errors',
  'upstream/abortable',
  'upstream/is-record',
]
const entryFile =
  /[\\/]src[\\/](?:(ai-sdk|http|jobs|otel|sandbox|settings|stores|strategies|testing)[\\/])?index\.ts$|[\\/]pipeline[\\/](engine)\.ts$/

// Modules that the same entry files reach share a chunk. Each file costs the import of the library as much as 50 KB of code, so what
// most entry files need is reached by all of them; what is not used stays out of their own code.
const fewerChunks: Plugin = {
  name: 'fewer-chunks',
  setup(build) {
    build.onLoad({ filter: entryFile }, async ({ path }) => {
      const [, folder, engine] = entryFile.exec(path) ?? []
      const isNearPipeline = folder === undefined || ['http', 'jobs', 'settings'].includes(folder)
      const reached = isNearPipeline ? [...SHARED, 'pipeline/sora-pipeline'] : SHARED
      const source = folder === undefined && engine === undefined ? '.' : '..'
      const imports = reached.map((name) => `import '${source}/${name}.js'`)
      return { contents: [await readFile(path, 'utf8'), ...imports].join('\n'), loader: 'ts' }
    })
  },
}

// esbuild puts all that an entry file imports into one chunk with that file, used or not, if something else that is used needs it.
// So a bundle of SoraPipeline alone must find it apart from the other names, which need the engine of a run at once.
const index = "export { SoraPipeline } from './pipeline/sora-pipeline.js'\nexport * from './library.js'\n"

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
  onSuccess: () => writeFile('dist/index.js', index),
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
