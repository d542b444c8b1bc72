import { describe, expect, it } from 'vitest'
import { SoraPipeline, toChatCompletion, toChatCompletionChunks, toSse } from '../../src/index.js'
import { fakeGenerator, fakePublisher, fakeResolver, fakeUploader } from '../../src/testing/index.js'
import { SEED_COMPLETIONS, SEED_STREAM } from '../openai/seed-document.js'

const request = { prompt: 'A cat playing piano' }
const answers = SEED_COMPLETIONS.map((block) => {
  const { id, created, model, choices } = JSON.parse(block)
  return { block, options: { id, created, model }, url: String(choices[0].message.content) }
})

describe('a run with all four stages faked', () => {
  it('streams the bytes of the document', async () => {
    const run = new SoraPipeline({
      generator: fakeGenerator(),
      publisher: fakePublisher(),
      resolver: fakeResolver(),
      uploader: fakeUploader(),
    }).run(request)
    const options = { id: 'chatcmpl-xxx', created: 1_234_567_890, model: 'sora-1.0' }
    expect(await new Response(toSse(toChatCompletionChunks(run, options))).text()).toBe(`${SEED_STREAM}\n\n`)
    // A reader that comes when all is over sees the same.
    await run.result
    expect(await new Response(toSse(toChatCompletionChunks(run, options))).text()).toBe(`${SEED_STREAM}\n\n`)
  })

  it.each(answers)(
    'answers $url with the bytes of the document, whichever stage it comes from',
    async ({ block, options, url }) => {
      const failed = new Error('out of order')
      const pipelines = [
        { uploader: fakeUploader({ outcome: { url } }) },
        { resolver: fakeResolver({ outcome: { url } }), uploader: fakeUploader({ outcome: failed }) },
        {
          generator: fakeGenerator({ outcome: { id: 'gen_1', url } }),
          resolver: fakeResolver({ outcome: failed }),
          uploader: fakeUploader({ outcome: failed }),
        },
      ]
      for (const parts of pipelines) {
        const run = new SoraPipeline({ generator: fakeGenerator(), publisher: fakePublisher(), ...parts }).run(request)
        expect(JSON.stringify(await toChatCompletion(run, options), null, 2)).toBe(block)
        expect(JSON.stringify(await toChatCompletion(await run.result, options), null, 2)).toBe(block)
      }
    },
  )
})
