const RESET = 'the reset is sent, but the client of Node 22.12 reports one that arrives with the body as an end'
const ZSTD = 'node:zlib has zstd from 22.15 on'

/** The tests that cannot run on Node 22.12, by file and full name, and why. */
export const NOT_RUN: Readonly<Record<string, string>> = {
  'test/http/node/send-node-response.test.ts > a body that fails > is not a clean end with HTTP/1.0': RESET,
  'test/upstream/node/node-transport.test.ts > nodeTransport > decodes zstd': ZSTD,
}

/** Files that are not run on Node 22.12, because what they try does not depend on the version of Node, and they take minutes. */
export const LEFT_OUT: readonly string[] = [
  'test/bench/**',
  'test/{ai-sdk,cli,combinators,contracts,kill,openai,options,otel,reference,repository,sandbox,secrets,settings,testing,types}/**',
  'test/http/clients/**',
  'test/end-to-end/{backend-examples,bundles,examples,http-examples,sandbox-run,seed-scenarios,shutdown-examples}.test.ts',
  'test/faults/matrix.test.ts',
  'test/strategies/uploaders/broken-gigabyte.test.ts',
  'test/pipeline/large-media.test.ts',
  'test/stores/{pgbouncer,postgres-store,redis-store,redis-cluster,server-model,server-processes,sqlite-model}.test.ts',
  'test/{engines,gradio,python,storage,litellm,page,jobs,simulation}/**',
  'test/end-to-end/cluster-example.test.ts',
  'test/strategies/uploaders/{google-drive-failures,google-drive-memory,s3-conformance,s3-recovery}.test.ts',
  'test/stores/{file-store-model,file-store-removal,server-events}.test.ts',
  'test/pipeline/{hung-store-chances,store-cost}.test.ts',
  'test/http/machines/**',
  'test/faults/providers.test.ts',
  'test/timing/{pace-schedule,learned-durations}.test.ts',
  'test/runtimes/{bun-and-deno,workerd}.test.ts',
  'test/strategies/generators/**',
  'test/pipeline/{diagram,generate,journal,state,stored-events,tracing}/**',
  'test/end-to-end/{durable-example,readme-clients,swept-jobs}.test.ts',
  'test/http/webhooks/**',
  'test/upstream/download/poster.test.ts',
  'test/strategies/uploaders/{webdav-uploader,url2drive-sandbox,url2drive-trouble}.test.ts',
]
