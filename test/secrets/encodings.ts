/** A way in which a server may write what it was sent. */
export interface Encoding {
  readonly name: string
  /** @param seed - Any whole number, where there is a choice. */
  encode(secret: string, seed: number): string
}

const hexOf = (code: number, length = 2) => code.toString(16).padStart(length, '0')
const each = (secret: string, write: (code: number, index: number, character: string) => string) =>
  [...secret].map((character, index) => write(character.charCodeAt(0), index, character)).join('')
const every = (secret: string, length: number, between: string) =>
  (secret.match(new RegExp(`.{1,${length}}`, 'gs')) ?? []).join(between)
const percent = (text: string) => each(text, (code) => `%${hexOf(code)}`)
const base64 = (text: string) => Buffer.from(text).toString('base64')
// Which of the characters are written otherwise.
const some = (seed: number, index: number) => (seed * 7 + index * 5) % 3 === 0

export const ENCODINGS: readonly Encoding[] = [
  { name: 'as it is', encode: (secret) => secret },
  { name: 'in capitals', encode: (secret) => secret.toUpperCase() },
  { name: 'in small letters', encode: (secret) => secret.toLowerCase() },
  {
    name: 'in the other case',
    encode: (secret) => each(secret, (_, __, c) => (c === c.toUpperCase() ? c.toLowerCase() : c.toUpperCase())),
  },
  { name: 'percent-encoded', encode: percent },
  { name: 'percent-encoded in capitals', encode: (secret) => percent(secret).toUpperCase() },
  {
    name: 'percent-encoded in part',
    encode: (secret, seed) => each(secret, (code, index, c) => (some(seed, index) ? `%${hexOf(code)}` : c)),
  },
  { name: 'percent-encoded twice', encode: (secret) => percent(percent(secret)) },
  { name: 'as %u', encode: (secret) => each(secret, (code) => `%u${hexOf(code, 4)}`) },
  { name: 'in decimal entities', encode: (secret) => each(secret, (code) => `&#${code};`) },
  { name: 'in decimal entities without an end', encode: (secret) => each(secret, (code) => `&#${code} `) },
  { name: 'in padded entities', encode: (secret) => each(secret, (code) => `&#000${code};`) },
  { name: 'in hex entities', encode: (secret) => each(secret, (code) => `&#x${hexOf(code)};`) },
  {
    name: 'in hex entities of capitals',
    encode: (secret) => each(secret, (code) => `&#X${hexOf(code).toUpperCase()};`),
  },
  {
    name: 'in some entities',
    encode: (secret, seed) => each(secret, (code, index, c) => (some(seed, index) ? `&#${code};` : c)),
  },
  { name: 'in entities of a page in a page', encode: (secret) => each(secret, (code) => `&amp;#${code};`) },
  {
    name: 'with named entities',
    encode: (secret) => secret.replaceAll('-', '&hyphen;').replaceAll('_', '&lowbar;').replaceAll('.', '&period;'),
  },
  {
    name: 'in entities, percent-encoded',
    encode: (secret) => encodeURIComponent(each(secret, (code) => `&#${code};`)),
  },
  { name: 'in base64', encode: base64 },
  { name: 'in base64url', encode: (secret) => Buffer.from(secret).toString('base64url') },
  { name: 'in base64 of Bearer', encode: (secret) => base64(`Bearer ${secret}`) },
  {
    name: 'in base64 of user and key',
    encode: (secret, seed) => base64(`${'user12'.slice(0, 1 + (seed % 6))}:${secret}`),
  },
  { name: 'in base64 of key and colon', encode: (secret) => base64(`${secret}:`) },
  {
    name: 'in base64 of JSON',
    encode: (secret, seed) => base64(JSON.stringify({ id: 'x'.repeat(seed % 3), key: secret, more: 1 })),
  },
  { name: 'in base64 in lines', encode: (secret) => every(base64(`authorization: Bearer ${secret}`), 20, '\r\n ') },
  { name: 'in base64, percent-encoded', encode: (secret) => percent(base64(secret)) },
  { name: 'in base64 twice', encode: (secret) => base64(base64(`Bearer ${secret}`)) },
  { name: 'in base64 of hex', encode: (secret) => base64(Buffer.from(secret).toString('hex')) },
  { name: 'in base64 of percent-encoding', encode: (secret) => base64(percent(secret)) },
  { name: 'in base64 of UTF-16', encode: (secret) => Buffer.from(secret, 'utf16le').toString('base64') },
  { name: 'in base64 behind letters', encode: (secret, seed) => `${'abc'.slice(0, seed % 4)}${base64(secret)}` },
  { name: 'in hex', encode: (secret) => Buffer.from(secret).toString('hex') },
  { name: 'in hex of capitals', encode: (secret) => Buffer.from(secret).toString('hex').toUpperCase() },
  { name: 'in hex with colons', encode: (secret) => every(Buffer.from(secret).toString('hex'), 2, ':') },
  { name: 'in hex with blanks', encode: (secret) => every(Buffer.from(secret).toString('hex'), 2, ' ') },
  { name: 'in hex with 0x', encode: (secret) => each(secret, (code) => `0x${hexOf(code)}, `) },
  { name: 'in hex behind a digit', encode: (secret) => `7${Buffer.from(secret).toString('hex')}` },
  { name: 'in hex of base64', encode: (secret) => Buffer.from(base64(secret)).toString('hex') },
  {
    name: 'as a dump',
    encode: (secret) => every(every(Buffer.from(secret).toString('hex'), 2, ' '), 48, '\n0000010 '),
  },
  { name: 'in \\u', encode: (secret) => each(secret, (code) => `\\u${hexOf(code, 4)}`) },
  { name: 'in \\u of capitals', encode: (secret) => each(secret, (code) => `\\u${hexOf(code, 4).toUpperCase()}`) },
  {
    name: 'in some \\u',
    encode: (secret, seed) => each(secret, (code, index, c) => (some(seed, index) ? `\\u${hexOf(code, 4)}` : c)),
  },
  { name: 'in \\u of JSON in JSON', encode: (secret) => each(secret, (code) => `\\\\u${hexOf(code, 4)}`) },
  { name: 'in \\u{}', encode: (secret) => each(secret, (code) => `\\u{${hexOf(code)}}`) },
  { name: 'in \\x', encode: (secret) => each(secret, (code) => `\\x${hexOf(code)}`) },
  { name: 'in \\U', encode: (secret) => each(secret, (code) => `\\U${hexOf(code, 8)}`) },
  {
    name: 'as a list of octal numbers',
    encode: (secret) => each(secret, (code) => `${code.toString(8).padStart(3, '0')} `),
  },
  { name: 'in bits', encode: (secret) => each(secret, (code) => `${code.toString(2).padStart(8, '0')} `) },
  { name: 'in octal', encode: (secret) => each(secret, (code) => `\\${code.toString(8).padStart(3, '0')}`) },
  { name: 'in quoted-printable', encode: (secret) => each(secret, (code) => `=${hexOf(code).toUpperCase()}`) },
  { name: 'as a list of bytes', encode: (secret) => JSON.stringify([...Buffer.from(secret)]) },
  { name: 'as a Buffer in JSON', encode: (secret) => JSON.stringify(Buffer.from(secret)) },
  { name: 'as a Uint8Array in JSON', encode: (secret) => JSON.stringify(new Uint8Array(Buffer.from(secret))) },
  { name: 'as bytes with blanks', encode: (secret) => [...Buffer.from(secret)].join(' ') },
  {
    name: 'split by a tag',
    encode: (secret, seed) => `${secret.slice(0, 3 + (seed % 9))}<b>${secret.slice(3 + (seed % 9))}</b>`,
  },
  { name: 'split by tags', encode: (secret) => every(secret, 4, '<wbr>') },
  { name: 'split by tags with attributes', encode: (secret) => every(secret, 5, '</span><span class="k" id=a1>') },
  { name: 'split by escaped tags', encode: (secret) => every(secret, 4, '&lt;wbr/&gt;') },
  { name: 'split by comments', encode: (secret) => every(secret, 6, '<!-- cut -->') },
  { name: 'split by line breaks', encode: (secret, seed) => every(secret, 1 + (seed % 7), '\r\n') },
  { name: 'split by escaped line breaks', encode: (secret) => every(secret, 6, '\\n') },
  { name: 'split by blanks', encode: (secret) => every(secret, 1, ' ') },
  { name: 'split by soft hyphens', encode: (secret) => every(secret, 3, '\u00ad') },
  { name: 'split by named soft hyphens', encode: (secret) => every(secret, 3, '&shy;') },
  { name: 'split by zero width characters', encode: (secret) => every(secret, 2, '\u200b') },
  { name: 'split by escaped zero width characters', encode: (secret) => every(secret, 2, '\\u200d') },
  { name: 'split by hyphens', encode: (secret) => every(secret, 4, '-') },
  { name: 'split by quotes and signs', encode: (secret) => every(secret, 5, '" + "') },
  { name: 'in colours', encode: (secret) => every(secret, 5, '\u001b[31m') },
  { name: 'in wide letters', encode: (secret) => each(secret, (code) => String.fromCharCode(code + 0xfee0)) },
  { name: 'in markdown', encode: (secret) => `**${secret.slice(0, 6)}**\`${secret.slice(6)}\`` },
  { name: 'broken off', encode: (secret) => secret.slice(0, -3) },
  { name: 'without its beginning', encode: (secret) => secret.slice(5) },
  { name: 'behind stars', encode: (secret) => `${secret.slice(0, 7)}*****${secret.slice(-4)}` },
  { name: 'behind a word in brackets', encode: (secret) => `${secret.slice(0, 6)}[hidden]${secret.slice(-3)}` },
  { name: 'behind lines', encode: (secret) => `${secret.slice(0, 6)}______${secret.slice(-3)}` },
  { name: 'behind dots', encode: (secret) => `${secret.slice(0, 5)}...${secret.slice(-4)}` },
]
