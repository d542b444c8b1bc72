// A custom command: a progress bar on a terminal, plain lines in a pipe, Ctrl-C, exit codes. It prints only the path
// of the video, so that other commands can use it: file=$(node examples/command-line.ts "A cat playing piano")
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type PipelineEvent, SoraPipeline } from 'sora-pipeline'
import { startSandbox } from 'sora-pipeline/sandbox'
import { directoryUploader, videosApiGenerator } from 'sora-pipeline/strategies'

const USAGE = `Usage: command-line.ts [--output videos] [--seconds 4] <prompt>
  The variables VIDEO_BASE_URL and VIDEO_API_KEY name a server; without them the sandbox stands in for one.`

/** The output for progress: a terminal has columns, a pipe has not. */
export interface ProgressOutput {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** Shows the events of a run until it ends. */
export async function follow(run: AsyncIterable<PipelineEvent>, output: ProgressOutput): Promise<void> {
  for await (const event of run) {
    if (event.type === 'stage-progressed') output.write(progress(event, output))
    if (event.type === 'attempt-failed') output.write(line(`${event.strategy} failed: ${event.error.message}`, output))
    if (event.type === 'fallback-taken') output.write(line(`${event.next} takes over`, output))
    if (event.type === 'stage-completed') output.write(line(`${event.stage} done by ${event.strategy}`, output))
    if (event.type === 'warning') output.write(line(event.message, output))
    // A job that is left at the generator after an abort may still run, and cost.
    if (event.type === 'run-failed')
      output.write(line(`upstream: ${event.upstream?.state ?? 'nothing was started'}`, output))
  }
}

function progress(event: Extract<PipelineEvent, { type: 'stage-progressed' }>, output: ProgressOutput): string {
  const { stage, ratio = 0, phase = 'running', elapsedMs } = event
  const text = `${stage} ${Math.floor(ratio * 100)} %, ${phase}, ${Math.round(elapsedMs / 1000)} s`
  if (output.isTTY !== true) return `${text}\n`
  const width = Math.max(0, Math.min(40, (output.columns || 80) - text.length - 4))
  const filled = Math.round(ratio * width)
  return `\r\u001b[K[${'#'.repeat(filled)}${'-'.repeat(width - filled)}] ${text}`
}

/** A permanent line; on a terminal it replaces the bar. */
function line(text: string, output: ProgressOutput): string {
  return `${output.isTTY === true ? '\r\u001b[K' : ''}${text}\n`
}

async function main(args: string[]): Promise<number> {
  const options = { output: { type: 'string', default: 'videos' }, seconds: { type: 'string' } } as const
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
  const [prompt] = positionals
  if (prompt === undefined || positionals.length > 1) throw new TypeError('Give one prompt, in quotes')
  const interrupt = new AbortController()
  process.once('SIGINT', () => interrupt.abort(new DOMException('Ctrl-C was pressed', 'AbortError')))
  const { VIDEO_BASE_URL, VIDEO_API_KEY, PUBLIC_BASE_URL = 'http://localhost/videos' } = process.env
  const sandbox = VIDEO_BASE_URL === undefined ? await startSandbox({ speed: 4 }) : undefined
  const pipeline = new SoraPipeline({
    generator: videosApiGenerator(sandbox?.videosApi ?? { baseUrl: VIDEO_BASE_URL ?? '', apiKey: VIDEO_API_KEY }),
    uploader: directoryUploader({ directory: values.output, publicBaseUrl: PUBLIC_BASE_URL }),
  })
  const durationSeconds = values.seconds === undefined ? undefined : Number(values.seconds)
  const run = pipeline.run({ prompt, durationSeconds }, { signal: interrupt.signal })
  try {
    await follow(run, process.stderr)
    const { url, uploaded } = await run.result
    // A folder that cannot be written to degrades the run: the video is still available at the URL of the server.
    console.log(uploaded?.id === undefined ? url : join(values.output, uploaded.id))
    return 0
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    return interrupt.signal.aborted ? 130 : 1
  } finally {
    await pipeline.close()
    await sandbox?.close()
  }
}

// `import.meta.main` is there from Node 24.2 on.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(`${error instanceof Error ? error.message : error}\n${USAGE}`)
    return 2
  })
}
