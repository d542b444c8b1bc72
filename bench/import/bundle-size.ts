import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

/** What a bundle has of a package, minified and compressed, in bytes. */
export interface BundleSize {
  /** What is loaded with the import itself. */
  readonly eager: number
  /** The same with all that is imported later. */
  readonly whole: number
}

interface Output {
  readonly path: string
  readonly contents: Uint8Array
}

interface Metafile {
  readonly outputs: Readonly<
    Record<string, { readonly entryPoint?: string; readonly imports: readonly { path: string; kind: string }[] }>
  >
}

type Build = (options: object) => Promise<{ readonly outputFiles: readonly Output[]; readonly metafile: Metafile }>

// The bundler of the build itself.
const { build } = createRequire(createRequire(import.meta.url).resolve('tsup'))('esbuild') as { readonly build: Build }
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Bundles one statement, such as `export { a } from 'b'`, which is resolved from a folder of the repository. */
export async function bundleSize(statement: string, folder: string): Promise<BundleSize> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: statement, resolveDir: `${ROOT}${folder}`, sourcefile: 'entry.js' },
    bundle: true,
    splitting: true,
    minify: true,
    write: false,
    metafile: true,
    absWorkingDir: ROOT,
    format: 'esm',
    platform: 'node',
    target: 'node22.12',
    outdir: `${ROOT}bundle`,
    // Packages in the older format of modules.
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
    logLevel: 'error',
  })
  const sizes = new Map(outputFiles.map(({ path, contents }) => [path.slice(ROOT.length), gzipSync(contents).length]))
  const eager = new Set(
    Object.keys(metafile.outputs).filter((path) => metafile.outputs[path]?.entryPoint?.endsWith('entry.js')),
  )
  for (const path of eager) {
    const imports = metafile.outputs[path]?.imports ?? []
    for (const { path: imported, kind } of imports) if (kind === 'import-statement') eager.add(imported)
  }
  const sum = (paths: Iterable<string>) => [...paths].reduce((total, path) => total + (sizes.get(path) ?? 0), 0)
  return { eager: sum(eager), whole: sum(sizes.keys()) }
}
