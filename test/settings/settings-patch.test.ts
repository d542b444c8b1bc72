import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkSettings } from '../../src/settings/check-settings.js'
import type { Settings } from '../../src/settings/settings.js'
import { differenceOf, patchSettings, wholeOf } from '../../src/settings/settings-patch.js'

const check = (value: unknown) => checkSettings(value, { subject: 'the settings' })

const text = fc.constantFrom('a', 'b')
const address = fc.constantFrom('https://a.example', 'https://b.example')
const settings: fc.Arbitrary<Settings> = fc
  .record(
    {
      generator: fc.record({ baseUrl: address, model: text }, { requiredKeys: ['baseUrl'] }),
      publisher: fc.record({ baseUrl: address }),
      watermarkFree: fc.record({ isEnabled: fc.boolean(), customUrl: address }, { requiredKeys: [] }),
      mirrors: fc.record({ hosts: fc.array(text, { maxLength: 2 }) }),
      googleDrive: fc.record({ folderId: text, spaces: fc.array(text, { maxLength: 2 }) }, { requiredKeys: [] }),
      deadlines: fc.record({ totalMs: fc.constantFrom(1, 2) }, { requiredKeys: [] }),
    },
    { requiredKeys: [] },
  )
  .map(check)

test('a change replaces the fields that it names', () => {
  const before = check({ googleDrive: { isEnabled: true, folderId: 'a' }, publisher: { baseUrl: 'https://a.example' } })
  const after = check(patchSettings(before, { googleDrive: { isEnabled: false, folderId: null }, publisher: null }))
  expect(after).toEqual(check({}))
  expect(check(patchSettings(before, { deadlines: undefined, mirrors: {} }))).toEqual(before)
})

test('a change leads from one to the other, through JSON too', () => {
  fc.assert(
    fc.property(settings, settings, (before, after) => {
      const change = JSON.parse(JSON.stringify(differenceOf(before, after)))
      expect(check(patchSettings(before, change))).toEqual(after)
      expect(differenceOf(after, after)).toEqual({})
    }),
  )
})

test('the whole as a change leads there from both, through JSON too', () => {
  fc.assert(
    fc.property(settings, settings, (initial, wanted) => {
      const whole = JSON.parse(JSON.stringify(wholeOf(initial, wanted)))
      expect(check(patchSettings(initial, whole))).toEqual(wanted)
      expect(check(patchSettings(wanted, whole))).toEqual(wanted)
    }),
  )
})

test('a key with a special meaning in JavaScript is refused as unknown', () => {
  const change = JSON.parse('{"__proto__":{"isEnabled":true},"mirrors":{"__proto__":{"hosts":["a"]}}}')
  expect(() => check(patchSettings({}, change))).toThrow(
    /__proto__ is unknown.*mirrors\.__proto__ is unknown|mirrors\.__proto__ is unknown.*__proto__ is unknown/,
  )
})
