/** The tests that cannot run on Node 22.12, by file and full name, and why. */
export const NOT_RUN: Readonly<Record<string, string>> = {
  'test/end-to-end/examples.test.ts > examples > progress-in-a-terminal.ts does what it says':
    'the example uses import.meta.main, which Node has from 24.2 on',
  'test/http/node/send-node-response.test.ts > a body that fails > is no clean end with HTTP/1.0':
    'the reset is sent, but the client of Node 22.12 reports one that arrives with the body as an end',
  'test/testing/fault-server/fault-server.test.ts > cuts an answer by reset in its head, its body and its trailer':
    'the reset is sent, but the client of Node 22.12 reports one that arrives with the body as an end',
  'test/upstream/node-transport.test.ts > nodeTransport > decodes zstd': 'node:zlib has zstd from 22.15 on',
}
