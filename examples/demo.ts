// The main job on upstreams of this machine: a prompt in, a playable video's URL out, past a mirror that is dead.
import { stat } from 'node:fs/promises'
import { relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type PipelineRun, SoraPipeline } from 'sora-pipeline'
import { startSandbox } from 'sora-pipeline/sandbox'
import { directoryUploader, mirrorResolver, videosApiGenerator } from 'sora-pipeline/strategies'
import { eventLine, seconds } from './progress-in-a-terminal.ts'

const USAGE = `Usage: npm run demo -- [prompt] [--output directory] [--json] [--serve]
  --output  where the video is saved (default: videos)
  --json    one event a line
  --serve   go on serving the URL until Ctrl-C`

const options = {
  output: { type: 'string', default: 'videos' },
  json: { type: 'boolean', default: false },
  serve: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

process.exitCode = await main(process.argv.slice(2))

async function main(args: string[]): Promise<number> {
  const parsed = readArguments(args)
  if (typeof parsed === 'string') {
    console.error(`${parsed}\n${USAGE}`)
    return 2
  }
  const { values, positionals } = parsed
  if (values.help) {
    console.log(USAGE)
    return 0
  }
  const say = (text: string) => (values.json ? undefined : console.log(text))
  const directory = resolve(values.output)
  const sandbox = await startSandbox({ faults: { 'mirror-1': { kind: 'reset' } }, files: { directory } })
  try {
    const pipeline = new SoraPipeline({
      generator: videosApiGenerator(sandbox.videosApi),
      resolver: mirrorResolver({ hosts: sandbox.mirrors, path: '/MP4/{videoId}.mp4' }),
      uploader: directoryUploader({ directory, publicBaseUrl: sandbox.files.baseUrl }),
      allowPrivateAddresses: ['127.0.0.1'], // The mirrors of the sandbox; videos of the open network need no entry.
    })
    const interrupt = new AbortController()
    const onInterrupt = () => interrupt.abort(new DOMException('Ctrl-C was pressed', 'AbortError'))
    process.once('SIGINT', onInterrupt)
    const run = pipeline.run({ prompt: positionals[0] ?? 'A cat playing piano' }, { signal: interrupt.signal })
    const url = await follow(run, values.json)
    process.off('SIGINT', onInterrupt)
    if (url === undefined) return interrupt.signal.aborted ? 130 : 1
    const { uploaded, durationMs } = await run.result
    const file = resolve(directory, uploaded?.id ?? '')
    const answer = await fetch(url)
    const bytes = (await answer.bytes()).byteLength
    if (!answer.ok || bytes !== (await stat(file)).size) throw new Error(`Could not read the video back: ${url}`)
    say(
      `\nsaved  ./${relative('.', file)}\nURL    ${url} (${bytes.toLocaleString('en')} bytes of ${answer.headers.get('content-type')})`,
    )
    say(`took   ${seconds(durationMs)}`)
    if (values.serve) await untilInterrupted(say)
    return 0
  } finally {
    await sandbox.close()
  }
}

function readArguments(args: string[]) {
  try {
    const parsed = parseArgs({ args, options, allowPositionals: true })
    return parsed.positionals.length > 1 ? 'Give the prompt in quotes, as one argument' : parsed
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Shows what happens, and gives the URL of a run that succeeded. */
async function follow(run: PipelineRun, isJson: boolean): Promise<string | undefined> {
  for await (const event of run) {
    const text = isJson ? JSON.stringify(event) : eventLine(event)
    if (text !== undefined) console.log(text)
    if (event.type === 'run-completed') return event.result.url
    if (event.type === 'run-failed' && !isJson) {
      const { upstream, error } = event
      console.log(`\nno video: ${error.message}`)
      if (upstream) console.log(`at ${upstream.generator}: the job is ${upstream.state}`)
      else console.log('nothing is left running')
    }
  }
  return undefined
}

async function untilInterrupted(say: (text: string) => void): Promise<void> {
  say('serving it until Ctrl-C')
  const { promise, resolve: stop } = Promise.withResolvers<void>()
  process.once('SIGINT', () => stop())
  await promise
}
