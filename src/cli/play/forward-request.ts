import { type IncomingMessage, type ServerResponse, request as sendRequest } from 'node:http'

const PAGE_PATH = '/v1/page'

/** Redirects the root to the page; otherwise reports whether the page is requested. */
export function pageOf({ url = '/' }: IncomingMessage, response: ServerResponse): 'answered' | 'page' | 'other' {
  if (url !== '/') return url === PAGE_PATH ? 'page' : 'other'
  response.writeHead(302, { location: PAGE_PATH }).end()
  return 'answered'
}

/**
 * Sends a request to the server process, once it listens, and its answer back. When the process is killed, the answer is
 * cut. The page is marked, so that it shows the switches for faults.
 */
export async function forwardTo(
  port: () => Promise<number>,
  request: IncomingMessage,
  response: ServerResponse,
  { isPage }: { readonly isPage: boolean },
): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const { method, url: path, headers } = request
  try {
    const options = { host: '127.0.0.1', port: await port(), method, path, headers, signal: gone.signal, agent: false }
    const forwarded = sendRequest(options, (answer) => {
      answer.once('error', () => response.destroy())
      if (!isPage) {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
        return
      }
      const { 'content-length': _, ...rest } = answer.headers
      response.writeHead(answer.statusCode ?? 502, rest)
      answer.setEncoding('utf8')
      let html = ''
      answer.on('data', (text: string) => {
        html += text
      })
      answer.once('end', () => response.end(html.replace('<html', '<html data-play')))
    })
    forwarded.once('error', () => response.destroy())
    request.pipe(forwarded)
  } catch {
    // The process does not start: the command has ended, or ends with the reason.
    response.destroy()
  }
}
