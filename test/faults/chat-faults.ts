import { reply } from 'sora-pipeline/testing'
import type { Fault, Place } from './fault.ts'

/** What a chat upstream writes, true or false. */
export const CHAT_FAULTS: readonly Fault[] = [
  ...Object.entries<(url: string) => string>({
    'a bare address': (url) => content(`Done: ${url}`),
    'a Markdown link': (url) => content(`[video](${url})`),
    'a Markdown image': (url) => content(`![video](${url})`),
    'a tag with single quotes': (url) => content(`<video src='${url}' controls></video>`),
    'a tag without quotes': (url) => content(`<video src=${url}></video>`),
    'a source in a tag': (url) => content(`<video><source type="video/mp4" src="${url}"></video>`),
    'an anchor after a picture': (url) => content(`<img src="${url}.webp"><a href="${url}">download</a>`),
    JSON: (url) => content(JSON.stringify({ thumbnail_url: `${url}.webp`, video_url: url })),
    'JSON in a fence': (url) => content(`\`\`\`json\n${JSON.stringify({ data: [{ url }] })}\n\`\`\``),
    'delta.output': (url) => delta({ output: [{ url }] }),
    'delta.images': (url) => delta({ images: [{ image_url: { url } }] }),
    'delta.video_url': (url) => delta({ video_url: { url } }),
    'only reasoning': (url) => delta({ reasoning_content: `Video ready: ${url}` }),
    'a list of parts': (url) => delta({ content: [{ type: 'text', text: url }] }),
    'text before and after, in another script': (url) => content(`视频:${url}，请下载`),
    'text that follows without a blank': (url) => content(`${url}请下载`),
    'links of tasks, and a thumbnail': (url) =>
      content(`[task](https://status.example/task/1) ![x](${url}.webp) [v](${url})`),
    'rules before it': (url) => content(`See https://docs.example/rules first. ${url}`),
  }).map(([name, write]): Fault => {
    const does = (place: Place) => stream(write(urlIn(place)))
    return { row: 71, name: `a chat with ${name}`, does, expected: { chat: 'completed' } }
  }),
  ...[
    ['an error frame', error('No video came out'), 'next: generation-failed'],
    ['no account left', error('No available tokens for video generation'), 'next: quota-exceeded'],
    ['heavy load', error("We're under heavy load, please try again later."), 'next: overloaded'],
    ['a rate limit of the server behind', error('API request failed: 429 - {}'), 'next: rate-limited'],
    [
      'a wrong key of the server behind',
      error('API request failed: 401 - {"error":{"code":"token_invalidated"}}'),
      'next: authentication',
    ],
    ['a failure in prose', content('❌ 生成失败: upstream busy'), 'next: generation-failed'],
    ['a failure without a reason', content('❌ 生成失败: None'), 'ends: content-rejected'],
    [
      'a violation that looks like success',
      delta({ reasoning_content: '**Content Policy Violation**' }) + content('❌ 生成失败: None'),
      'ends: content-rejected',
    ],
    ['a violation in Chinese', content('❌ 生成失败: 提示词包含敏感词'), 'ends: content-rejected'],
    ['a timeout of the upstream', error('Upstream API timeout: Generation exceeded 900 seconds limit'), 'review'],
    ['an error of 500 in a frame', error('API request failed: 500 - oops'), 'review'],
    ['only links to rules', content('I cannot do that. See https://docs.example.invalid/rules.'), 'review'],
    ['only a task page', content('[task](https://status.example.invalid/task/1)'), 'review'],
    ['only a picture', content('![x](https://cdn.example.invalid/a.webp)'), 'review'],
    ['nothing', '', 'review'],
    ['only prose', content('I made a very good video.'), 'review'],
  ].map(([name = '', frames = '', expected = '']): Fault => {
    return { row: 71, name: `a chat with ${name}`, does: () => stream(frames), expected: { chat: expected } }
  }),
  ...(
    [
      [401, 'next: authentication'],
      [402, 'next: quota-exceeded'],
      [404, 'next: upstream-http'],
      [429, 'next: rate-limited'],
      [500, 'review'],
      [502, 'review'],
      [503, 'next: rate-limited'],
      [504, 'review'],
    ] as const
  ).map(([status, expected]): Fault => {
    const body = JSON.stringify({ error: { message: 'HTTP Error: 429 slow down', type: 'server_error' } })
    const does = () => reply({ status, headers: { 'content-type': 'application/json' }, body })
    return { row: 71, name: `a chat of ${status}`, does, expected: { chat: expected } }
  }),
]

function stream(frames: string) {
  const body = `${frames}data: [DONE]\n\n`
  return reply({ headers: { 'content-type': 'text/event-stream' }, body })
}

function delta(fields: object): string {
  return `data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, delta: fields, finish_reason: null }] })}\n\n`
}

function content(text: string): string {
  return delta({ content: text })
}

function error(message: string): string {
  return `data: ${JSON.stringify({ error: { message, type: 'server_error', param: null, code: null } })}\n\n`
}

function urlIn({ body }: Place): string {
  return String(JSON.parse(Buffer.from(body).toString()).url)
}
