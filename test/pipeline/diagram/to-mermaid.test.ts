import DOMPurify from 'dompurify'
import fc from 'fast-check'
import mermaid from 'mermaid'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  balance,
  ConfigurationError,
  fallback,
  NetworkError,
  type PipelineResultJson,
  type RunRecord,
  race,
  SoraPipeline,
  toMermaid,
  withRetry,
} from '../../../src/index.js'
import {
  fakeGenerator,
  fakePublisher,
  fakeResolver,
  fakeTaskGenerator,
  fakeUploader,
} from '../../../src/testing/index.js'

beforeAll(() => {
  // The parser of mermaid cleans labels with a library that needs a browser; the texts are read without that.
  Object.assign(DOMPurify, { addHook: () => undefined, sanitize: (text: string) => text })
})

/** The diagram; fails if mermaid cannot read it. */
async function drawn(subject: Parameters<typeof toMermaid>[0]): Promise<string> {
  const text = toMermaid(subject)
  expect(await mermaid.parse(text)).toMatchObject({ diagramType: expect.stringMatching(/^flowchart/) })
  return text
}

describe('toMermaid', () => {
  it('draws the configured chain of a pipeline', async () => {
    const pipeline = new SoraPipeline({
      generator: fallback(
        balance(fakeTaskGenerator({ name: 'key 1' }), fakeTaskGenerator({ name: 'key 2' })),
        withRetry(fakeGenerator({ name: 'other' })),
      ),
      publisher: fakePublisher({ name: 'posts' }),
      resolver: race(fakeResolver({ name: 'mirror 1' }), fakeResolver({ name: 'mirror 2' })),
      uploader: fakeUploader({ name: 'drive', label: 'Google "Drive"' }),
    })
    expect(await drawn(pipeline)).toBe(`flowchart LR
  prompt([prompt])
  url([URL])
  subgraph generate
    subgraph generate_1_1["balance"]
      generate_1_1_1["key 1"]
      generate_1_1_2["key 2"]
    end
    generate_1_2["other"]
    generate_1_1 -- fails --> generate_1_2
  end
  subgraph publish
    publish_1["posts"]
  end
  subgraph resolve
    subgraph resolve_1["race"]
      resolve_1_1["mirror 1"]
      resolve_1_2["mirror 2"]
    end
  end
  subgraph upload
    upload_1["Google #34;Drive#34;<br>drive"]
  end
  prompt --> generate
  generate --> publish
  publish --> resolve
  resolve --> upload
  upload --> url
  generate -. if later stages fail .-> url
  resolve -. if later stages fail .-> url
`)
    expect(await drawn(new SoraPipeline({ generator: fakeGenerator({ name: 'alone' }) }))).toContain('generate --> url')
  })

  it('draws the way that a run took, from its result and from its record', async () => {
    const pipeline = new SoraPipeline({
      generator: fakeGenerator({ name: 'mock' }),
      uploader: fakeUploader({ name: 'disk', outcome: new NetworkError('Could not reach it') }),
    })
    const result = await pipeline.generate({ prompt: 'A cat' }, { id: 'run_1' })
    const text = await drawn(result)
    expect(text.replaceAll(/\d+ ms/g, 'n ms')).toBe(`flowchart LR
  run(["run_1"])
  step_1["generate, mock<br>succeeded<br>n ms"]
  run --> step_1
  class step_1 succeeded
  step_2["upload, disk<br>failed, network<br>n ms"]
  step_1 --> step_2
  class step_2 failed
  step_3["URL of the generator, degraded<br>n ms"]
  step_2 --> step_3
  class step_3 failed
  classDef succeeded stroke:#2a7,stroke-width:2px
  classDef failed stroke:#c33,stroke-width:2px,stroke-dasharray:4 3
  classDef open stroke:#888,stroke-width:2px
`)
    expect(await drawn((await pipeline.get('run_1')) as RunRecord)).toBe(text)
  })

  it('draws a run without a result: its progress, its errors', async () => {
    const down = () => new NetworkError('Could not connect', { isRefusal: true })
    const pipeline = new SoraPipeline({
      generator: fallback(
        fakeTaskGenerator({ name: 'first', starts: [down()] }),
        fakeTaskGenerator({ name: 'second', starts: [down()] }),
      ),
    })
    await pipeline.generate({ prompt: 'A cat' }, { id: 'run_1' }).catch(() => undefined)
    const failed = await drawn((await pipeline.get('run_1')) as RunRecord)
    expect(failed).toContain('step_1["generate, first<br>network"]')
    expect(failed).toContain('step_2["generate, second<br>network"]')
    expect(failed).toContain('step_3["failed"]')
    const running: RunRecord = {
      id: 'run_2',
      status: 'running',
      stage: 'generate',
      progress: { stage: 'generate', ratio: 0.4, phase: 'queued' },
      request: { prompt: 'A cat' },
      startedAt: 0,
      wakeAt: 0,
      isAttended: true,
    }
    expect(await drawn(running)).toContain('step_1["generate<br>queued<br>40 %"]')
    expect(await drawn({ ...running, status: 'unreadable' })).toContain('unreadable')
  })

  it('lets no text break out of its label', async () => {
    const hostile = [
      'a"] --> b["c',
      '#quot; #35; %% comment',
      'end',
      '`**markdown**`',
      '<img src=x onerror=alert(1)>',
      'a\n  b --> c',
      '%%{init: {}}%%',
      'style x:#fff;',
      'classDef a:b#c;',
      '\u2028\u202e😀',
      ']])}>',
    ]
    const texts = fc.oneof(fc.string({ unit: 'binary', maxLength: 120 }), fc.constantFrom(...hostile))
    await fc.assert(
      fc.asyncProperty(texts, texts, async (strategy, runId) => {
        const result: PipelineResultJson = {
          runId,
          url: 'https://cdn.example/a.mp4',
          servedBy: 'generator',
          video: { id: 'gen_1' },
          attempts: [{ stage: 'generate', strategy, outcome: 'succeeded', durationMs: 61_000 }],
          isDegraded: false,
          warnings: [],
          durationMs: 59_999,
        }
        const text = await drawn(result)
        expect(text.split('\n')).toHaveLength(12)
        expect(text).not.toMatch(/[`\\]|javascript:|<(?!br>)/)
      }),
      { numRuns: 200, examples: hostile.map((text) => [text, text]) },
    )
  })

  it('cuts long texts, and shows durations for people', async () => {
    const attempt = { stage: 'generate', outcome: 'succeeded' } as const
    const text = await drawn({
      runId: 'x'.repeat(500),
      url: 'https://cdn.example/a.mp4',
      servedBy: 'generator',
      video: { id: 'gen_1' },
      attempts: [
        { ...attempt, strategy: 'a', durationMs: 850 },
        { ...attempt, strategy: 'b', durationMs: 12_340 },
        { ...attempt, strategy: 'c', durationMs: 245_000 },
      ],
      isDegraded: false,
      warnings: [],
      durationMs: 1,
    })
    expect(text).toContain(`(["${'x'.repeat(79)}#8230;"])`)
    for (const shown of ['850 ms', '12.3 s', '4 min 5 s']) expect(text).toContain(shown)
  })

  it.each([undefined, null, 'run_1', {}, { id: 'run_1' }])('refuses %s', (subject) => {
    expect(() => toMermaid(subject as never)).toThrow(ConfigurationError)
  })
})
