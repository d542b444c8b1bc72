import { defineConfig } from 'tsup'

const shared = { target: 'node22', dts: false, sourcemap: true, clean: false } as const

export default defineConfig([
  {
    ...shared,
    format: 'esm',
    splitting: true,
    entry: {
      index: 'src/index.ts',
      'strategies/index': 'src/strategies/index.ts',
      'testing/index': 'src/testing/index.ts',
      'sandbox/index': 'src/sandbox/index.ts',
    },
  },
  {
    // The encoder is a CommonJS bundle with its wasm inside: one self-contained worker file, so that the sandbox costs users no dependency.
    ...shared,
    format: 'cjs',
    sourcemap: false,
    entry: { 'sandbox/video-worker': 'src/sandbox/video-worker.ts' },
    noExternal: ['h264-mp4-encoder'],
  },
])
