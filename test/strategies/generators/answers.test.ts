import { describe, expect, it } from 'vitest'
import { chatCompletionsGenerator, videosApiGenerator } from '../../../src/strategies/index.js'
import { answerCases, answering, misreading, readCall, readPolls, readStart } from './answer-cases.js'

const videosApi = (origin: string) =>
  videosApiGenerator({ baseUrl: `${origin}/p1/v1`, apiKey: 'key_1', model: 'm', encoding: 'json' })

describe('an answer of the Videos API', () => {
  it.each(answerCases('videos-api'))('$note', async (given) => {
    const origin = await answering(given)
    const generator = videosApi(origin)
    const reading =
      given.phase === 'create'
        ? await readStart(generator)
        : await readPolls(generator, given.phase === 'poll4' ? 4 : 1)
    expect(misreading(reading, given.want, origin)).toBeUndefined()
  })
})

describe('an answer of a chat', () => {
  it.each(answerCases('chat-completions'))('$note', async (given) => {
    const origin = await answering(given)
    const generator = chatCompletionsGenerator({ baseUrl: `${origin}/v1`, apiKey: 'key_1', model: 'sora-2' })
    expect(misreading(await readCall(generator), given.want, origin)).toBeUndefined()
  })
})
