import { importsOf, resolveImport, type SourceFile } from './source-files.js'

/**
 * Which folders of `src` a folder may import, beside itself; of `upstream/download` and a file only that part. A folder that is not listed
 * may import nothing.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  // From upstream only a type that its options name.
  'index.ts': [
    'contracts',
    'timing',
    'upstream/download/allowed-destinations.ts',
    'combinators',
    'pipeline',
    'openai',
    'stores/memory-store.ts',
  ],
  contracts: [],
  timing: ['contracts'],
  upstream: ['contracts'],
  calling: ['contracts', 'timing'],
  combinators: ['contracts', 'timing', 'calling'],
  strategies: ['contracts', 'timing', 'upstream'],
  stores: ['contracts'],
  // From upstream only the guarded download, the default way to open the URL of a video, and from stores only the default one.
  pipeline: [
    'contracts',
    'timing',
    'calling',
    'upstream/download',
    'upstream/remote-video.ts',
    'stores/memory-runs.ts',
  ],
  // From timing only the default clock, for heartbeats.
  openai: ['contracts', 'timing'],
  http: ['contracts', 'timing', 'upstream', 'calling', 'combinators', 'strategies', 'stores', 'pipeline', 'openai'],
  jobs: ['contracts', 'timing', 'upstream', 'calling', 'combinators', 'strategies', 'stores', 'pipeline', 'openai'],
  // From upstream only what waits and reads values.
  'ai-sdk': ['contracts', 'pipeline', 'upstream/abortable.ts', 'upstream/is-record.ts'],
  settings: ['contracts', 'timing', 'upstream', 'calling', 'combinators', 'strategies', 'stores', 'pipeline', 'openai'],
  otel: ['contracts', 'pipeline'],
  sandbox: ['contracts'],
  testing: ['contracts'],
  // The rest by the name of the package, as users do.
  cli: ['contracts'],
}

/** Where each package may be imported: a file, or a folder that ends in a slash. */
export const PACKAGE_HOMES: Readonly<Record<string, readonly string[]>> = {
  ky: ['upstream/request.ts'],
  'p-retry': ['timing/retry.ts'],
  'eventsource-parser': ['upstream/sse.ts'],
  aws4fetch: ['strategies/uploaders/s3/s3-signature.ts'],
  zod: ['upstream/', 'strategies/', 'pipeline/', 'http/', 'jobs/', 'settings/'],
  bullmq: ['jobs/'],
  '@opentelemetry/api': ['otel/'],
  'sora-pipeline': ['cli/'],
  // Only the worker's thread loads it.
  'h264-mp4-encoder': ['sandbox/video-worker.ts'],
}

/** The problems of the imports of the files, one sentence each. */
export function importProblems(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap(({ path, text }) =>
    importsOf(text).flatMap((specifier) => {
      const target = resolveImport(path, specifier)
      return target === undefined ? packageProblems(path, specifier) : folderProblems(path, target)
    }),
  )
}

function folderProblems(path: string, target: string): readonly string[] {
  const [from = '', fromStage = ''] = path.split('/')
  const [to = '', toStage = ''] = target.split('/')
  if (from === to) {
    const isForeignStage = from === 'strategies' && isFolder(fromStage) && isFolder(toStage) && fromStage !== toStage
    if (!isForeignStage) return []
    return [`src/${path} imports ${target}: move what both stages need to src/upstream or src/timing`]
  }
  if (MAY_IMPORT[from]?.some((allowed) => [to, target].includes(allowed) || target.startsWith(`${allowed}/`))) return []
  return [`src/${path} imports ${target}: ${from} may only import ${MAY_IMPORT[from]?.join(', ') || 'nothing'}`]
}

function isFolder(name: string): boolean {
  return !name.endsWith('.ts')
}

function packageProblems(path: string, specifier: string): readonly string[] {
  const folder = path.split('/')[0]
  if (specifier.startsWith('node:')) {
    // Of testing only the fault server is more than assertions: it has its own sockets.
    const isFine =
      folder !== 'testing' || specifier.startsWith('node:assert') || path.startsWith('testing/fault-server/')
    const isAllowed = folder !== 'contracts' && isFine
    return isAllowed ? [] : [`src/${path} imports ${specifier}: ${folder} may not`]
  }
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  const homes = PACKAGE_HOMES[name]
  if (homes === undefined) return [`src/${path} imports ${name}: give it a home in test/repository/import-rules.ts`]
  if (homes.some((home) => (home.endsWith('/') ? path.startsWith(home) : path === home))) return []
  return [`src/${path} imports ${name}: its home is src/${homes.join(', src/')}`]
}

/** The circles of imports, types included, each as the path that comes back to its start. */
export function importCircles(files: readonly SourceFile[]): readonly string[] {
  const targets = new Map(
    files.map(({ path, text }) => [path, importsOf(text).flatMap((specifier) => resolveImport(path, specifier) ?? [])]),
  )
  const circles: string[] = []
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]) => {
    if (trail.includes(path)) {
      circles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '))
      return
    }
    if (done.has(path)) return
    for (const target of targets.get(path) ?? []) visit(target, [...trail, path])
    done.add(path)
  }
  for (const path of targets.keys()) visit(path, [])
  return circles
}
