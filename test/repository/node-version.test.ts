import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from './source-files.js'

test('the tests run on a Node that the package supports', () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const isSupported = major > 22 || (major === 22 && minor >= 12)
  expect(
    isSupported,
    `Node ${process.versions.node} runs the tests: reinstall, so that the node package is first in PATH`,
  ).toBe(true)
})

test('the package declares the Node versions that it supports', () => {
  const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  expect(engines.node).toBe('>=22.12')
})
