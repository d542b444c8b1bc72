import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/contracts/json.js'
import type { TaskGenerator } from '../../../src/index.js'
import {
  dashscopeGenerator,
  geminiVideoGenerator,
  replicateGenerator,
  taskApiGenerator,
  videoModelGenerator,
  videosApiGenerator,
} from '../../../src/strategies/index.js'
import { json, loopbackServer } from '../../upstream/loopback-server.js'
import { stageContext } from '../../upstream/stage-context.js'

const IMAGE = 'https://in.example/a.png'

describe('an object in providerOptions keeps what the generator sends beside it', () => {
  async function bodyOf(
    generatorAt: (baseUrl: string) => unknown,
    providerOptions: JsonObject,
    request: object = {},
  ): Promise<unknown> {
    const server = await loopbackServer(json(200, { id: 't1', name: 'models/m/operations/o', status: 'running' }))
    const generator = generatorAt(server.origin) as TaskGenerator
    await generator.start({ prompt: 'A cat', durationSeconds: 5, ...request, providerOptions }, stageContext())
    return JSON.parse(String(server.seen[0]?.body))
  }
  const key = { apiKey: 'canary-key-1', model: 'm' }

  test('taskApiGenerator', async () => {
    const at = (baseUrl: string) =>
      taskApiGenerator({
        name: 'my-api',
        baseUrl,
        create: ({ prompt, image, durationSeconds }) => ({
          path: '/tasks',
          body: { input: { prompt, image }, duration: durationSeconds },
        }),
        poll: { path: ({ id }) => `/tasks/${id}` },
      })
    expect(await bodyOf(at, { input: { negative_prompt: 'blurry' } }, { image: IMAGE })).toEqual({
      input: { prompt: 'A cat', image: IMAGE, negative_prompt: 'blurry' },
      duration: 5,
    })
  })

  test('replicateGenerator, dashscopeGenerator and geminiVideoGenerator', async () => {
    const input = () => ({ prompt: 'A cat', camera: { zoom: 1, pan: 2 } })
    const replicate = (baseUrl: string) => replicateGenerator({ ...key, baseUrl, model: 'a/b', input })
    expect(await bodyOf(replicate, { camera: { pan: 3 } })).toMatchObject({
      input: { prompt: 'A cat', camera: { zoom: 1, pan: 3 } },
    })
    expect(await bodyOf((baseUrl) => dashscopeGenerator({ ...key, baseUrl }), { seed: 7 })).toMatchObject({
      parameters: { duration: 5, seed: 7 },
    })
    const omni = (baseUrl: string) => geminiVideoGenerator({ ...key, baseUrl, model: 'gemini-omni-1' })
    expect(await bodyOf(omni, { response_format: { fps: 24 } })).toMatchObject({
      response_format: { type: 'video', delivery: 'uri', duration: '5s', fps: 24 },
    })
  })

  test('videosApiGenerator', async () => {
    const openrouter = (baseUrl: string) => videosApiGenerator({ ...key, baseUrl, dialect: 'openrouter' })
    expect(await bodyOf(openrouter, { provider: { a: 1 } }, { seed: 3 })).toMatchObject({
      prompt: 'A cat',
      seed: 3,
      provider: { a: 1 },
    })
  })

  test('videoModelGenerator, beside its own options', () => {
    const calls: { providerOptions?: unknown }[] = []
    const model = {
      specificationVersion: 'v3',
      provider: 'fal.video',
      modelId: 'm',
      maxVideosPerCall: 1,
      doGenerate: async (call: object) => {
        calls.push(call)
        return {
          videos: [{ type: 'url', url: 'https://cdn.example/a.mp4', mediaType: 'video/mp4' }],
          warnings: [],
          response: {},
        }
      },
    }
    const generator = videoModelGenerator(model as never, {
      name: 'model',
      providerOptions: { fal: { camera: { zoom: 1, pan: 2 } } },
    }) as unknown as { generate(request: object, context: object): Promise<unknown> }
    const request = { prompt: 'A cat', providerOptions: { fal: { camera: { pan: 3 } } } }
    return generator.generate(request, stageContext()).then(() => {
      expect(calls[0]?.providerOptions).toEqual({ fal: { camera: { zoom: 1, pan: 3 } } })
    })
  })
})
