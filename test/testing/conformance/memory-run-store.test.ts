import { describe, test } from 'vitest'
import { memoryStore } from '../../../src/index.js'
import { manualClock, runStoreConformance } from '../../../src/testing/index.js'

describe('memoryStore passes in real time', () => {
  runStoreConformance({ test, create: () => ({ store: memoryStore() }) })
})

describe('memoryStore passes with a clock that is moved by hand', () => {
  runStoreConformance({
    test,
    create: () => {
      const clock = manualClock()
      return { store: memoryStore({ clock }), advance: (ms) => clock.advance(ms) }
    },
  })
})
