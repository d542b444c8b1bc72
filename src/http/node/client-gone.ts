/** The reason of an abort after the client disconnected. */
export function clientGone(): DOMException {
  return new DOMException('The client closed the connection', 'AbortError')
}
