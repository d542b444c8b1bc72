import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bareUrls, videoUrlIn } from '../../../src/strategies/generators/chat-video-url.js'
import { isDoneWithin } from '../../support/is-done-within.js'

const URL_1 = 'https://cdn.example/a/1.mp4?se=2026-01-01T00:00:00Z&sig=x%2B'
const search = { base: 'https://chat.example/v1/', accepts: () => true }

describe('videoUrlIn', () => {
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
    ['the first bare URL', `${URL_1} https://doc.example/2.mp4`],
    ['braces that are no JSON', `{anime} ${URL_1}`],
  ])('%s', (_, text) => {
    expect(videoUrlIn(text, search)).toBe(URL_1)
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
    // A tenth of that on an idle machine; a square of the length would be minutes.
    expect(isDoneWithin(400, () => videoUrlIn(megabyte, { ...search, accepts: () => false }))).toBe(true)
  })

  test('finds any address, whatever stands before it', () => {
    const url = fc.webUrl({ withQueryParameters: true }).filter((address) => !/['"]/.test(address))
    fc.assert(
      fc.property(url, fc.constantFrom('', '完成 ', '> ', '**'), (address, before) => {
        const html = `${before}<video src="${address.replaceAll('&', '&amp;')}"></video>`
        expect(videoUrlIn(html, search)).toBe(address)
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
