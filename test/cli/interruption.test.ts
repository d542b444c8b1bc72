import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { listenForInterruption } from '../../src/cli/interruption.js'
import { fakeTerminal } from './terminal.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test.each([
  ['SIGINT', 130, 'Ctrl-C was pressed'],
  ['SIGTERM', 143, 'The process received SIGTERM'],
])('%s aborts, with its exit code', (name, exitCode, message) => {
  const terminal = fakeTerminal()
  const interruption = listenForInterruption(terminal)
  expect([interruption.signal.aborted, interruption.exitCode]).toEqual([false, undefined])
  terminal.signals.emit(name)
  expect(interruption.signal.reason).toMatchObject({ name: 'AbortError', message })
  expect(interruption.exitCode).toBe(exitCode)
})

test('the same Ctrl-C that comes twice counts once; a second later the next one is left to Node, which ends the process', () => {
  const terminal = fakeTerminal()
  const interruption = listenForInterruption(terminal)
  terminal.signals.emit('SIGINT')
  expect(terminal.signals.emit('SIGINT')).toBe(true)
  vi.advanceTimersByTime(999)
  expect(terminal.signals.emit('SIGTERM')).toBe(true)
  expect(interruption.exitCode).toBe(130)
  vi.advanceTimersByTime(1)
  expect(terminal.signals.emit('SIGINT')).toBe(false)
})

test('a reader of the output that leaves aborts, and further writes throw nothing', () => {
  const terminal = fakeTerminal()
  const interruption = listenForInterruption(terminal)
  terminal.stdout.emit('error', new Error('write EPIPE'))
  terminal.stdout.emit('error', new Error('write EPIPE'))
  expect(interruption.exitCode).toBe(141)
  expect(interruption.signal.reason).toMatchObject({ message: 'The reader of the output closed it' })
  interruption.release()
  expect(() => terminal.stdout.emit('error', new Error('write EPIPE'))).not.toThrow()
})

test('a released interruption has no listener and no timer', () => {
  const terminal = fakeTerminal()
  const interruption = listenForInterruption(terminal)
  terminal.signals.emit('SIGTERM')
  interruption.release()
  expect(terminal.signals.eventNames()).toEqual([])
  expect(vi.getTimerCount()).toBe(0)
})
