import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('..', import.meta.url))

export default defineConfig({
  root,
  resolve: {
    // The tests of the examples run on the sources, so that they count as cover.
    alias: [
      { find: /^sora-pipeline$/, replacement: `${root}src/index.ts` },
      { find: /^sora-pipeline\/(.*)$/, replacement: `${root}src/$1/index.ts` },
    ],
  },
  test: {
    include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
    // Python packages bring their own tests.
    exclude: ['**/node_modules/**', 'test/*/.venv*/**'],
    setupFiles: [`${root}test/support/property-seed.ts`],
    // Most tests wait for sockets and processes: on two cores three files at a time, where the default is one.
    maxWorkers: 3,
    // Node 24.21 can abort when V8 frees the code of a WebAssembly module, such as the encoder of the sandbox, in the background.
    execArgv: ['--no-wasm-code-gc'],
    // Bounds for a busy machine: nothing waits for them.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000, interval: 10 } },
    restoreMocks: true,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      // They run in their own threads, where nothing is counted; test/sandbox decodes what the one makes, and test/stores has
      // what the other replies. The server of `play` runs in a process of its own.
      exclude: ['src/sandbox/video-worker.ts', 'src/stores/sqlite/sqlite-worker.ts', 'src/cli/play/play-server.ts'],
      reporter: ['text-summary'],
      thresholds: { branches: 90 },
    },
  },
})
