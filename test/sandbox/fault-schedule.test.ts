import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigurationError } from '../../src/contracts/input-errors.js'
import type { Fault, FaultPlans } from '../../src/sandbox/fault.js'
import { faultSchedule } from '../../src/sandbox/fault-schedule.js'

describe('faultSchedule', () => {
  it('goes through a list call by call and is healthy after its end', () => {
    const plan = fc.array(fc.constantFrom<Fault | null>(null, { kind: 'hang' }, { kind: 'html' }))
    fc.assert(
      fc.property(plan, (faults) => {
        const schedule = faultSchedule()
        schedule.set({ files: faults })
        const met = Array.from({ length: faults.length + 2 }, () => schedule.next('files', '/a') ?? null)
        expect(met).toEqual([...faults, null, null])
      }),
    )
  })

  it.each([1, 'hang', {}, [['hang']]])('refuses %j in the place of a fault by the name of its endpoint', (fault) => {
    const set = () => faultSchedule().set({ files: fault } as unknown as FaultPlans)
    expect(set).toThrow(ConfigurationError)
    expect(set).toThrow(/faults\['files'\] is .* \(give a fault such as \{ kind: 'reset' \}/)
  })

  it('repeats a single fault, merges by endpoint, and clears one or all', () => {
    const schedule = faultSchedule()
    schedule.set({ files: { kind: 'hang' }, 'mirror-1': { kind: 'html' } })
    schedule.set({ files: undefined })
    expect(schedule.next('files', '/a')).toBeUndefined()
    expect([schedule.next('mirror-1', '/a'), schedule.next('mirror-1', '/a')]).toEqual([
      { kind: 'html' },
      { kind: 'html' },
    ])
    schedule.clear()
    expect(schedule.next('mirror-1', '/a')).toBeUndefined()
  })

  it('counts the time of a late mirror from the first call of each path', () => {
    let now = 0
    const schedule = faultSchedule(() => now)
    const late = { kind: 'not-synced', forMs: 100 } as const
    schedule.set({ 'mirror-1': late })
    expect(schedule.next('mirror-1', '/a')).toBe(late)
    now = 99
    expect(schedule.next('mirror-1', '/a')).toBe(late)
    expect(schedule.next('mirror-1', '/b')).toBe(late)
    now = 100
    expect(schedule.next('mirror-1', '/a')).toBeUndefined()
    expect(schedule.next('mirror-1', '/b')).toBe(late)
    schedule.set({ 'mirror-1': late })
    expect(schedule.next('mirror-1', '/a')).toBe(late)
  })

  it('counts the time of a sleeper from the first call of all', () => {
    let now = 0
    const schedule = faultSchedule(() => now)
    const asleep = { kind: 'sleeping', forMs: 100 } as const
    schedule.set({ 'space-1.config': asleep })
    expect(schedule.next('space-1.config', '/a')).toBe(asleep)
    now = 99
    expect(schedule.next('space-1.config', '/b')).toBe(asleep)
    now = 100
    expect(schedule.next('space-1.config', '/c')).toBeUndefined()
  })

  it.each([0, -1, 1.5])('refuses pieces of %d bytes', (bytes) => {
    expect(() => faultSchedule().set({ chat: { kind: 'split', bytes } })).toThrow(/faults\['chat'\]\.bytes is/)
  })

  it('refuses names that do not exist', () => {
    const misspelled = { 'video.create': { kind: 'hang' }, files: [null, { kind: 'hangs' }] } as unknown as FaultPlans
    expect(() => faultSchedule().set(misspelled)).toThrow(ConfigurationError)
    expect(() => faultSchedule().set(misspelled)).toThrow(
      /endpoint is video\.create .*; faults\['files'\]\.kind is hangs/,
    )
  })
})
