import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type OtlpSpan, otlpServer } from './otlp-server.js'

// The example as users run it: by Node, on the built package, with the address of a collector.
const run = promisify(execFile)
const example = (endpoint: string) =>
  run(process.execPath, ['examples/observability/traces-and-metrics.ts'], {
    timeout: 55_000,
    env: { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
  })

let server: Awaited<ReturnType<typeof otlpServer>>
beforeEach(async () => {
  server = await otlpServer()
})
afterEach(() => server.close())

it('sends one trace with the attempts, the fallback and the cancellation of its runs, and metrics', async () => {
  const { stdout, stderr } = await example(server.origin)
  expect(stderr).toBe('')
  const [, traceId] = /^http:\/\/127\.0\.0\.1:\d+\/MP4\/video_\w+\.mp4\ntrace ([\da-f]{32})$/m.exec(stdout) ?? []
  const { spans } = server
  expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]))
  const byId = new Map(spans.map((span) => [span.spanId, span]))
  const placed = ({ name, parentSpanId }: OtlpSpan) => `${byId.get(parentSpanId ?? '')?.name ?? 'none'} > ${name}`
  const workflow = 'invoke_workflow sora-pipeline'
  expect(spans.map(placed).sort()).toEqual(
    [
      'none > make two videos',
      `make two videos > ${workflow}`,
      `make two videos > ${workflow}`,
      `${workflow} > generate_content`,
      `${workflow} > generate_content`,
      `${workflow} > resolve mirror-1`,
      `${workflow} > resolve mirror-2`,
      `${workflow} > cancel videos-api`,
    ].sort(),
  )
  expect([...server.metricNames]).toEqual(
    expect.arrayContaining(['gen_ai.client.operation.duration', 'sora_pipeline.runs', 'sora_pipeline.fallbacks']),
  )
  expect(server.text()).toContain('"stringValue":"videos"')
  expect(server.text()).not.toContain('A cat playing piano')
})

it('names the setting where what answers is not a collector, and still makes the video', async () => {
  const other = createServer((_, response) => response.writeHead(404).end()).listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const failed = await example(`http://127.0.0.1:${port}`).catch((error: unknown) => error)
  other.close()
  expect(failed).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^http:.*\.mp4\ntrace /),
    stderr: expect.stringMatching(
      /^(?:Could not send to the collector: Not Found; set OTEL_EXPORTER_OTLP_ENDPOINT\n){1,2}$/,
    ),
  })
})
