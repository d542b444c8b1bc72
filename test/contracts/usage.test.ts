import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../src/contracts/json.js'
import { usageOf } from '../../src/contracts/usage.js'

const usd = (amount: number) => ({ cost: { amount, currency: 'USD' } })

describe('usage', () => {
  it.each<[string, JsonObject, object]>([
    ['OpenRouter', { cost: 0.4, is_byok: false }, usd(0.4)],
    ['Bifrost', { cost: { total_cost: 0.25, input_tokens_cost: 0 } }, usd(0.25)],
    ['xAI', { cost_in_usd_ticks: 400_000_000 }, usd(0.04)],
    ['LiteLLM', { duration_seconds: 8 }, { seconds: 8 }],
    ['Seedance', { completion_tokens: 108_900, total_tokens: 108_900 }, { tokens: 108_900 }],
    ['DashScope', { duration: 5, video_count: 1 }, { seconds: 5 }],
    ['MiniMax', { total_seconds: 6, input_seconds: 0, output_seconds: 6 }, { seconds: 6 }],
    ['a chat', { prompt_tokens: 12, completion_tokens: 30, total_tokens: 42, cost: 0.1 }, { ...usd(0.1), tokens: 42 }],
    ['a responses API', { input_tokens: 12, output_tokens: 30 }, { tokens: 42 }],
    ['Replicate', { predict_time: 61.5 }, { seconds: 61.5 }],
    [
      'a generator of your own',
      { cost: { amount: 3, currency: 'eur' }, seconds: 8 },
      { cost: { amount: 3, currency: 'EUR' }, seconds: 8 },
    ],
    ['another currency beside it', { cost: 3, currency: 'CNY' }, { cost: { amount: 3, currency: 'CNY' } }],
    ['decimal texts', { cost: '0.40', seconds: '8' }, { ...usd(0.4), seconds: 8 }],
    ['no cost', { cost: 0 }, usd(0)],
  ])('is read as %s reports it', (_, reported, expected) => {
    expect(usageOf(reported)).toEqual(expected)
  })

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', '0.4'],
    ['an empty object', {}],
    ['other fields', { is_byok: true, region: 'eu' }],
    ['amounts that are none', { cost: -1, seconds: Number.NaN, total_tokens: 'many' }],
    ['other texts', { cost: 'None', duration: '8 s', prompt_tokens: '' }],
    ['objects', { cost: {}, seconds: [8], tokens: { total: 1 } }],
  ])('is absent for %s', (_, reported) => {
    expect(usageOf(reported as JsonObject)).toBeUndefined()
  })

  it('prefers seconds of video to those of computing', () => {
    expect(usageOf({ predict_time: 61, duration_seconds: 8 })).toEqual({ seconds: 8 })
  })

  it('does not take credits for money', () => {
    for (const currency of ['credits', '$', '', 7])
      expect(usageOf({ cost: 1, currency, seconds: 8 })).toEqual({ seconds: 8 })
    expect(usageOf({ cost: { amount: 1, currency: 'credits' } })).toBeUndefined()
    expect(usageOf({ cost: 1, currency: null })).toEqual(usd(1))
  })
})
