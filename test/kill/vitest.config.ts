import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// Of `npm run kill-tests`: hundreds of kills, which take a minute or two.
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: { include: ['test/kill/*.full.ts', 'test/stores/*.full.ts'], testTimeout: 900_000, maxWorkers: 2 },
})
