import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// Of `npm run load-tests`: thousands of requests, streams and runs, one file after the other, so that only theirs is measured.
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: { include: ['test/http/**/*.full.ts', 'test/jobs/*.full.ts'], testTimeout: 300_000, fileParallelism: false },
})
