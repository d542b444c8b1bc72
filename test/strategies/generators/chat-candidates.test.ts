import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  bareUrls,
  chatCandidates,
  type UrlSearch,
} from '../../../src/strategies/generators/chat-completions/chat-candidates.js'
import { isDoneWithin } from '../../support/is-done-within.js'

const URL_1 = 'https://cdn.example/a/1.mp4?se=2026-01-01T00:00:00Z&sig=x%2B'
const search = { base: 'https://chat.example/v1/', accepts: () => true }

function videoUrlIn(text: string, given: UrlSearch): string | undefined {
  const output = chatCandidates(text, given)[0]?.output
  return output?.kind === 'url' ? output.url : undefined
}

describe('chatCandidates', () => {
  test.each([
    ['a URL alone', URL_1],
    ['JSON with url', JSON.stringify({ url: URL_1 })],
    ['JSON with data[0].url', JSON.stringify({ created: 1, data: [{ url: URL_1 }] })],
    ['a JSON list', JSON.stringify([{ url: URL_1 }])],
    ['JSON in a fence', `\`\`\`json\n${JSON.stringify({ url: URL_1 })}\n\`\`\``],
    ['a video in a fence', `\`\`\`html\n<video src='${URL_1}' controls></video>\n\`\`\``],
    ['a video with double quotes', `<VIDEO controls src = "${URL_1}"></VIDEO>`],
    ['a video without quotes', `<video src=${URL_1}></video>`],
    ['a video with escaped ampersands', `<video src="${URL_1.replaceAll('&', '&amp;')}">`],
    ['a source in a video', `<video controls><source type="video/mp4" src="${URL_1}"></video>`],
    ['a video that is not closed', `<video src='${URL_1}'`],
    ['a Markdown image', `![Generated Video](${URL_1})`],
    ['a Markdown link', `Here it is: [your video](${URL_1}). Enjoy!`],
    ['a Markdown link with a title', `[v](${URL_1} "A title")`],
    ['a link and text without a blank', `[v](${URL_1})more`],
    ['a bare URL in brackets', `The video (${URL_1}), at last.`],
    ['a bare URL at the end of a sentence', `The video is at ${URL_1}.`],
    ['a bold URL', `**${URL_1}**`],
    ['a URL in angle brackets', `<${URL_1}>`],
    ['a URL after Chinese', `🎬 开始生成视频...☁️ 上传到Google Drive...${URL_1}`],
    ['a URL before Chinese', `视频:${URL_1}，请下载`],
  ])('finds %s', (_, text) => {
    expect(videoUrlIn(text, search)).toBe(URL_1)
  })

  test.each([
    ['JSON goes before a bare URL', `{"note":"see https://doc.example","url":"${URL_1}"}`],
    ['a video goes before a link', `[docs](https://doc.example) <video src='${URL_1}'></video>`],
    ['a link goes before a bare URL', `https://doc.example [video](${URL_1})`],
    ['the later of two files', `https://doc.example/2.mp4 ${URL_1}`],
    ['a file goes before a later page', `${URL_1} https://doc.example/rules`],
    ['braces that are not JSON', `{anime} ${URL_1}`],
  ])('%s', (_, text) => {
    expect(videoUrlIn(text, search)).toBe(URL_1)
  })

  test.each<[string, string, number]>([
    ['JSON', '{"url":"https://a.example/v"}', 4],
    ['a video', "<video src='https://a.example/v'></video>", 4],
    ['a video that is not closed', '<video src="https://a.example/v', 4],
    ['a source', '<source src="https://a.example/v">', 4],
    ['a tag in JSON', '\\u003c <video src=\\"https://a.example/v\\">', 4],
    ['a tag in a page', '<video src=&quot;https://a.example/v&quot;>', 4],
    ['a file', 'https://a.example/v.mp4', 3],
    ['a file of an anchor', '<a href="https://a.example/v.mp4">x</a>', 3],
    ...[
      'Your video',
      'movie',
      'clip',
      'an mp4',
      'Download',
      'watch',
      'the result',
      '视频',
      '影片',
      '下载',
      '下載',
      '观看',
      '動画',
    ].map((label): [string, string, number] => [`the label ${label}`, `[${label}](https://a.example/v)`, 2]),
    ['a label before it', 'Download it: https://a.example/v', 2],
    ['a label of an anchor', '<a href="https://a.example/v">Watch</a>', 2],
    ['a label of an earlier line', 'Download\nhttps://a.example/v', 0],
    ['a label far before it', `video ${'x'.repeat(60)} https://a.example/v`, 0],
    ['no label', '[here](https://a.example/v)', 0],
    ['an anchor', '<a href="https://a.example/v">here</a>', 0],
    ['letters that are no address', 'video https://a.example/ü', 0],
    ...['task', 'tasks', 'status', 'doc', 'docs', 'help', 'rules', 'terms', 'policy', 'policies', 'faq', 'support'].map(
      (page): [string, string, number] => [`a page of ${page}`, `[video](https://a.example/${page}/v)`, 0],
    ),
    ...['pricing', 'blog', 'console', 'dashboard', 'login', 'account'].map((page): [string, string, number] => [
      `a page of ${page}`,
      `[video](https://a.example/x/${page})`,
      0,
    ]),
    ...['video policy', 'Video guidelines', 'video help', 'watch the docs', 'video terms', 'video FAQ', '视频帮助'].map(
      (label): [string, string, number] => [`the label ${label}`, `[${label}](https://a.example/v)`, 0],
    ),
    ...['support', 'help', 'docs', 'policies', 'status', 'developer'].map((host): [string, string, number] => [
      `a host of ${host}`,
      `[video](https://${host}.example/v)`,
      0,
    ]),
    ['a host with such a word in it', '[video](https://supporters.example/v)', 2],
    ['a path with such a word in it', '[video](https://a.example/docsets/v)', 2],
  ])('%s: %j has the evidence %i', (_, text, evidence) => {
    expect(chatCandidates(text, search)[0]).toMatchObject({ evidence })
  })

  test('has each of them once, bytes too, and records how it was written', () => {
    const [one, other] = ['data:video/mp4;base64,AAAA', 'data:video/webm;codecs=vp9;base64,BBBB']
    const found = chatCandidates(`${one} ${other} ${one} https://a.example/v https://a.example/v`, search)
    expect(found.map(({ output, written }) => [output.kind, written])).toEqual([
      ['bytes', one],
      ['bytes', other],
      ['url', 'https://a.example/v'],
    ])
    expect(chatCandidates('{"url":"/v.mp4"}', search)[0]?.written).toBe('https://chat.example/v.mp4')
    expect(chatCandidates('data:image/png;base64,AAAA', search)).toEqual([])
  })

  test('the address of a job behind the key is not a candidate of a chat', () => {
    expect(chatCandidates('{"unsigned_urls":["/v1/jobs/1"]}', search)).toEqual([])
  })

  test.each([
    ['[v](https://a.example/a_(1)_b.mp4) (2)', 'https://a.example/a_(1)_b.mp4'],
    ['[![p](https://a.example/p.png)](https://a.example/v.mp4)', 'https://a.example/v.mp4'],
    ['https://a.example/1.mp4,https://a.example/2.mp4', 'https://a.example/2.mp4'],
    ['https://a.example/1.mp4|https://a.example/2.mp4;https://a.example/3.mp4', 'https://a.example/3.mp4'],
    ['https://a.example/v.mp4?a=1,2;3', 'https://a.example/v.mp4?a=1,2;3'],
    ['https://a.example/v.mp4下载', 'https://a.example/v.mp4'],
    ['https://a.example/v.mp4?x=下', 'https://a.example/v.mp4?x=%E4%B8%8B'],
    ['Is it https://a.example/v.mp4?!', 'https://a.example/v.mp4'],
    ['*https://a.example/v.mp4*;', 'https://a.example/v.mp4'],
    ['HTTPS://a.example/v.mp4', 'https://a.example/v.mp4'],
  ])('reads the address in %s', (text, url) => {
    expect(videoUrlIn(text, search)).toBe(url)
  })

  test('an address keeps the brackets that it opened', () => {
    expect(videoUrlIn('(https://cdn.example/a_(1).mp4)', search)).toBe('https://cdn.example/a_(1).mp4')
    expect(videoUrlIn('https://cdn.example/a_(1)', search)).toBe('https://cdn.example/a_(1)')
  })

  test('a relative address in JSON begins at the upstream', () => {
    expect(videoUrlIn('{"url":"/tmp/a.mp4"}', search)).toBe('https://chat.example/tmp/a.mp4')
  })

  test.each([
    '',
    'no address',
    'ftp://cdn.example/a.mp4',
    'https://',
    '<video controls></video>',
    '{"url":7}',
    '{"url":',
    '](x)',
  ])('finds nothing in %j', (text) => {
    expect(videoUrlIn(text, search)).toBeUndefined()
  })

  test('passes over what cannot be the result, and what is longer than any address', () => {
    const accepts = (url: string) => url !== 'https://own.example/1.png'
    expect(videoUrlIn(`https://own.example/1.png ${URL_1}`, { ...search, accepts })).toBe(URL_1)
    expect(videoUrlIn(`https://x.example/${'a'.repeat(9_000)} ${URL_1}`, search)).toBe(URL_1)
  })

  test.each([
    ['<video', '<video'],
    ['<video src=', '<video src='],
    ['<video at the end closed', `${'<video '.repeat(140_000)}>`],
    ['src= in one tag', `<video ${'src= '.repeat(200_000)}`],
    ['](', ']('],
    ['](https://', '](https://'],
    ['![](http://a', '![](http://a'],
    ['https://', 'https://'],
    ['https:// in a row', 'https:// '],
    ['brackets', `https://a${'('.repeat(500_000)}${')'.repeat(500_000)}`],
    ['closing brackets', `https://a${')'.repeat(1_000_000)}`],
    ['full stops', `https://a${'.'.repeat(1_000_000)}`],
    ['open braces', '{'],
    ['open brackets', '['],
    ['pairs of braces', '{}'],
    ['blanks', ' '],
  ])('takes its time in proportion for 1 MB of %s', (_, text) => {
    const megabyte = text.length >= 1_000_000 ? text : text.repeat(Math.ceil(1_000_000 / text.length))
    // 250 ms at most on an idle machine; a square of the length would be minutes.
    expect(isDoneWithin(2_000, () => videoUrlIn(megabyte, { ...search, accepts: () => false }))).toBe(true)
  })

  test('finds any address, whatever stands before it', () => {
    const url = fc.webUrl({ withQueryParameters: true }).filter((address) => !/['"\\]|\.\w+(?:[?#]|$)/.test(address))
    fc.assert(
      fc.property(url, fc.constantFrom('', '完成 ', '> ', '**'), (address, before) => {
        const html = `${before}<video src="${address.replaceAll('&', '&amp;')}"></video>`
        expect(videoUrlIn(html, search)).toBe(new URL(address).href)
        expect(videoUrlIn(JSON.stringify({ url: address }), search)).toBe(new URL(address).href)
      }),
    )
  })

  test('never throws, and gives only what can be parsed', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom(
            '<video ',
            'src=',
            '"',
            "'",
            '>',
            '](',
            ')',
            '{',
            '}',
            '"url":',
            'https://a.b',
            ' ',
            '视',
          ),
        }),
        (text) => {
          const url = videoUrlIn(text, search)
          expect(url === undefined || URL.canParse(url)).toBe(true)
          for (const bare of bareUrls(text)) expect(text).toContain(bare)
        },
      ),
    )
  })
})
