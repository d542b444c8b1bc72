import { defineConfig } from 'tsup'

export default defineConfig({
  format: 'esm',
  target: 'node22',
  // tsc emits the declarations.
  dts: false,
  splitting: true,
  // node:sqlite has no other name.
  removeNodeProtocol: false,
  // Optional dependencies are not left out by themselves.
  // The command imports the package by its own name: the sandbox finds its worker beside its own file only.
  external: ['h264-mp4-encoder', /^sora-pipeline/],
  sourcemap: true,
  entry: {
    index: 'src/index.ts',
    'strategies/index': 'src/strategies/index.ts',
    'http/index': 'src/http/index.ts',
    'stores/index': 'src/stores/index.ts',
    'stores/sqlite-worker': 'src/stores/sqlite/sqlite-worker.ts',
    'settings/index': 'src/settings/index.ts',
    'testing/index': 'src/testing/index.ts',
    'sandbox/index': 'src/sandbox/index.ts',
    'sandbox/video-worker': 'src/sandbox/video-worker.ts',
    'cli/main': 'src/cli/main.ts',
  },
})
