const WINDOW = 10

/** The pieces of keys that can be read in a text after any chain of decodings, each tried on everything that the others gave. */
export function decodedLeaks(text: string, keys: readonly string[], mostDepth = 4): readonly string[] {
  const seen = new Set([text])
  let latest = [text]
  for (let depth = 0; depth < mostDepth && latest.length > 0; depth += 1) {
    latest = latest
      .flatMap((form) => DECODERS.flatMap((decode) => decode(form)))
      .filter((form) => form.length >= WINDOW && !seen.has(form))
    for (const form of latest) seen.add(form)
  }
  const found = [...seen].map(lettersOf).join('|')
  return keys.flatMap((key) => {
    const letters = lettersOf(key)
    for (let at = 0; at + WINDOW <= letters.length; at += 1) {
      const piece = letters.slice(at, at + WINDOW)
      if (found.includes(piece)) return [`${piece} of ${key}`]
    }
    return []
  })
}

const lettersOf = (text: string) =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^a-z\d]/g, '')
const character = (_: string, code: string) => String.fromCharCode(Number.parseInt(code, 16) & 0xffff)
const when = (decoded: string, form: string) => (decoded === form ? [] : [decoded])

// Written as a reader would decode, not as the library does.
const DECODERS: readonly ((form: string) => readonly string[])[] = [
  (form) => when(form.replace(/%u?((?<=u)[\da-f]{4}|(?<!u)[\da-f]{2})/gi, character), form),
  (form) =>
    when(
      form
        .replace(/&#x0*([\da-f]{1,4});?/gi, character)
        .replace(/&#0*(\d{1,5});?/g, (_, code) => String.fromCharCode(Number(code))),
      form,
    ),
  (form) =>
    when(
      form
        .replaceAll('&amp;', '&')
        .replaceAll('&lt;', '<')
        .replaceAll('&gt;', '>')
        .replace(/&[a-z]+;/gi, ''),
      form,
    ),
  (form) => when(form.replace(/\\+u\{?([\da-f]{2,4})\}?/gi, character).replace(/\\+x([\da-f]{2})/gi, character), form),
  (form) =>
    when(
      form.replace(/\\([0-3][0-7]{2})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 8))),
      form,
    ),
  (form) => when(form.replace(/=([\dA-F]{2})/g, character), form),
  (form) => when(form.replace(/<[^<>]*>/g, ''), form),
  (form) =>
    (form.match(/[\w+/-]{12,}/g) ?? []).flatMap((run) =>
      [0, 1, 2, 3].map((from) => Buffer.from(run.slice(from), 'base64').toString('latin1')),
    ),
  (form) =>
    [form.replace(/[^\w+/-]/g, '')].flatMap((run) =>
      [0, 1, 2, 3].map((from) => Buffer.from(run.slice(from), 'base64').toString('latin1')),
    ),
  (form) =>
    (form.match(/(?:(?:0x)?[\da-f]{2}[\s:,]{0,2}){8,}/gi) ?? []).map((run) =>
      Buffer.from(run.replace(/0x|[^\da-f]/gi, ''), 'hex').toString('latin1'),
    ),
  (form) =>
    (form.match(/(?:\d{2,3}[\s,]+){8,}\d{2,3}/g) ?? []).map((run) =>
      String.fromCharCode(...run.split(/[\s,]+/).map(Number)),
    ),
  (form) => when(form.replace(/"\d+":(\d+)/g, '$1'), form),
  (form) =>
    (form.match(/(?:[0-3][0-7]{2}[\s,]+){8,}[0-3][0-7]{2}/g) ?? []).map((run) =>
      String.fromCharCode(...run.split(/[\s,]+/).map((digits) => Number.parseInt(digits, 8))),
    ),
  (form) =>
    (form.match(/(?:[01]{8}[\s,]*){8,}/g) ?? []).map((run) =>
      String.fromCharCode(...(run.match(/[01]{8}/g) ?? []).map((digits) => Number.parseInt(digits, 2))),
    ),
]
