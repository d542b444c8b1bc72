import { describe, expect, test } from 'vitest'
import { toErrorJson } from '../../../src/contracts/errors.js'
import { type VideosApiGeneratorOptions, videosApiGenerator } from '../../../src/strategies/index.js'
import { loopbackServer } from '../../upstream/loopback-server.js'
import { stageContext } from '../../upstream/stage-context.js'

const at = (origin: string, options: Partial<VideosApiGeneratorOptions> = {}) =>
  videosApiGenerator({ baseUrl: `${origin}/v1`, apiKey: 'canary-key-1', ...options })

describe('cancel', () => {
  const cancel = async (status: string | number, deleted: [number, string]) => {
    const server = await loopbackServer((sent, response) => {
      if (sent.method === 'DELETE') return response.writeHead(deleted[0]).end(deleted[1])
      return response.writeHead(typeof status === 'number' ? status : 200).end(JSON.stringify({ id: 'v_1', status }))
    })
    const outcome = await at(server.origin)
      .cancel?.({ id: 'v_1' }, stageContext())
      .catch((error: unknown) => toErrorJson(error).code)
    return [outcome, server.seen.map(({ method }) => method).join(' ')]
  }

  test.each([
    ['in_progress', [200, '{"id":"v_1","object":"video.deleted","deleted":true}'], 'cancelled', 'GET DELETE'],
    ['in_progress', [204, ''], 'cancelled', 'GET DELETE'],
    ['queued', [200, '{"status":"deleted"}'], 'cancelled', 'GET DELETE'],
    ['queued', [200, '{"status":"completed"}'], 'too-late', 'GET DELETE'],
    ['queued', [200, '{"status":"cancelling"}'], 'cancelled', 'GET DELETE'],
    ['queued', [200, '{"deleted":false}'], 'unsupported', 'GET DELETE'],
    ['queued', [200, '{"cancelled":false,"reason":"it runs"}'], 'unsupported', 'GET DELETE'],
    ['in_progress', [200, '{"id":"v_1","status":"in_progress"}'], 'unsupported', 'GET DELETE'],
    ['in_progress', [200, '{"error":{"code":"TaskNotCancellable","message":"it runs"}}'], 'unsupported', 'GET DELETE'],
    [
      'in_progress',
      [200, '{"code":40012,"message":"task is running and cannot be cancelled"}'],
      'unsupported',
      'GET DELETE',
    ],
    ['in_progress', [200, '{"success":false,"message":"任务执行中，无法取消"}'], 'unsupported', 'GET DELETE'],
    ['in_progress', [200, '{"success":true,"message":"ok"}'], 'cancelled', 'GET DELETE'],
    ['in_progress', [200, '{"code":0,"msg":"success","data":{}}'], 'cancelled', 'GET DELETE'],
    ['in_progress', [400, '{"error":{"code":"cancel_failed"}}'], 'unsupported', 'GET DELETE GET'],
    ['in_progress', [405, ''], 'unsupported', 'GET DELETE'],
    ['in_progress', [501, ''], 'unsupported', 'GET DELETE'],
    ['in_progress', [500, ''], 'upstream-http', 'GET DELETE GET'],
    ['completed', [200, '{}'], 'too-late', 'GET'],
    ['failed', [200, '{}'], 'too-late', 'GET'],
    ['cancelled', [200, '{}'], 'cancelled', 'GET'],
    [404, [200, '{}'], 'unsupported', 'GET'],
    [401, [200, '{}'], 'authentication', 'GET'],
  ] as const)('a job that is %s, and %j to DELETE: %s', async (status, deleted, outcome, methods) => {
    expect(await cancel(status, [...deleted])).toEqual([outcome, methods])
  })
})
