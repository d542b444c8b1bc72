import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../src/index.js'
import { faultServer, reply, replyJson } from '../../src/testing/index.js'
import { ECHO_SUBJECTS } from './echo-subjects.js'
import { leaksIn } from './leaks.js'

const KEYS = ['sk-proj-Xk29fjw8Qm3nZp7RtY5vLb4c', '0f3c9a7be1d24856a0f3c9a7be1d2485']

// Answers that are well but for the key, which is an id, an address, or a word in them.
const SUCCESSES: readonly ((key: string) => JsonObject)[] = [
  (key) => ({ id: key, object: 'video', status: 'queued' }),
  (key) => ({ id: `video_${key}`, task_id: key, status: 'in_progress', progress: 50 }),
  (key) => ({ id: 'v1', object: 'video', status: 'completed', model: key, usage: { account: key }, size: key }),
  (key) => ({ id: 'v1', status: 'completed', url: `https://cdn.example/${key}.mp4?key=${key}` }),
  (key) => ({ id: 'v1', status: 'completed', video: { url: `https://cdn.example/a.mp4#${encodeURIComponent(key)}` } }),
  (key) => ({ data: [{ id: key, prompt: 'A cat' }] }),
  (key) => ({ post: { id: key } }),
  (key) => ({ post: { id: 's_1', permalink: `https://posts.example/p/s_1?token=${key}` } }),
  (key) => ({ download_link: `https://cdn.example/a.mp4?token=${key}` }),
  (key) => ({ ids: [key] }),
  (key) => ({ id: 'id1', size: '600', webViewLink: `https://drive.google.com/file/d/id1/view?key=${key}` }),
  (key) => ({ event_id: key }),
  (key) => ({ id: key, choices: [{ index: 0, message: { content: `https://cdn.example/a.mp4?key=${key}` } }] }),
  (key) => ({
    id: key,
    choices: [{ index: 0, message: { content: 'https://cdn.example/a.mp4' } }],
    usage: { note: key },
  }),
]

// Of a client of the user's own the key is not known.
const KEYED = ECHO_SUBJECTS.filter(({ isOfClient }) => isOfClient !== true)

describe.each(KEYED.map((subject) => ({ name: subject.name, subject })))('$name', ({ subject }) => {
  it.each(subject.places)('does not reveal its key when %s succeeds with it', async (route) => {
    for (const key of KEYS) {
      for (const success of SUCCESSES) {
        const events = [{ status: 'success', file_id: key, view_link: `https://drive.google.com/?key=${key}` }]
        const stream = `event: complete\ndata: ${JSON.stringify(events)}\n\n`
        const says =
          route === '/call/upload/e1'
            ? reply({ headers: { 'content-type': 'text/event-stream' }, body: stream })
            : replyJson({ ...success(key) })
        const server = await faultServer({ [route]: says, ...subject.routes, [route]: says })
        const shown = await subject.play({ origin: server.origin, query: '', headers: {}, key })
        await server.close()
        expect(leaksIn(shown, [key]), JSON.stringify(success('KEY'))).toEqual([])
      }
    }
  })
})
