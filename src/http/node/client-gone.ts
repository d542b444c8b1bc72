/** Why what was done for a client is aborted when it leaves. */
export function clientGone(): DOMException {
  return new DOMException('The client closed the connection', 'AbortError')
}
