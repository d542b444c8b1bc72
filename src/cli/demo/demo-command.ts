import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { isAbsolute, relative, resolve, sep } from 'node:path'
import { type PipelineEvent, type PipelineResultJson, SoraPipeline } from 'sora-pipeline'
import { type Sandbox, startSandbox } from 'sora-pipeline/sandbox'
import { directoryUploader, mirrorResolver, videosApiGenerator } from 'sora-pipeline/strategies'
import type { Command, CommandContext } from '../command.js'
import { seconds } from '../display/event-line.js'
import { type RunDisplay, runDisplay } from '../display/run-display.js'
import { EXIT_CODES } from '../exit-code.js'
import { type Interruption, listenForInterruption } from '../interruption.js'
import { UsageError } from '../read-arguments.js'

const OPTIONS = {
  output: { type: 'string', default: 'videos' },
  json: { type: 'boolean', default: false },
  serve: { type: 'boolean', default: false },
} as const

const HELP = `Usage: sora-pipeline demo [prompt] [--output directory] [--json] [--serve]

Makes a video on servers of this machine: no key, no network, no cost. One mirror is broken on purpose, so that a fallback is seen.
The prompt is "A cat playing piano" unless another one is given, in quotes.

Options:
  --output   directory that the MP4 is saved in (default: videos)
  --json     print one event a line as JSON, and the saved file as the last line
  --serve    keep serving the URL until Ctrl-C
  -h, --help print this`

/** `sora-pipeline demo`: a whole run on the sandbox, with a broken mirror. */
export const demoCommand: Command<typeof OPTIONS> = {
  summary: 'make a video on this machine, without a key, past a broken mirror',
  help: HELP,
  options: OPTIONS,
  maxArguments: 1,
  async run({ values, positionals: [prompt = 'A cat playing piano'] }, context) {
    if (prompt.trim() === '') throw new UsageError(['the prompt is empty'])
    const interruption = listenForInterruption(context)
    const display = runDisplay(context, { isJson: values.json })
    const directory = resolve(values.output)
    const sandbox = await startSandbox({ faults: { 'mirror-1': { kind: 'reset' } }, files: { directory } })
    try {
      display.say('sandbox on 127.0.0.1: no key, no cost; the first mirror is broken on purpose\n')
      const demo = { sandbox, directory, prompt, interruption, display }
      const result = await makeVideo(demo, context)
      if (result === undefined) return interruption.exitCode ?? EXIT_CODES.failed
      const isSaved = await reportVideo(demo, result, context)
      if (isSaved && values.serve) await serve(demo)
      else if (isSaved) display.say('The URL works while this command runs; --serve keeps it open')
      return isSaved ? EXIT_CODES.done : EXIT_CODES.failed
    } finally {
      display.end()
      await sandbox.close()
      interruption.release()
    }
  },
}

interface Demo {
  readonly sandbox: Sandbox
  readonly directory: string
  readonly prompt: string
  readonly interruption: Interruption
  readonly display: RunDisplay
}

/** Runs the pipeline and shows it; `undefined` if there is no video. */
async function makeVideo(demo: Demo, { stderr }: CommandContext): Promise<PipelineResultJson | undefined> {
  const { sandbox, directory, prompt, interruption, display } = demo
  const pipeline = new SoraPipeline({
    generator: videosApiGenerator(sandbox.videosApi),
    resolver: mirrorResolver({ hosts: sandbox.mirrors, path: '/MP4/{videoId}.mp4' }),
    uploader: directoryUploader({ directory, publicBaseUrl: sandbox.files.baseUrl }),
    // The mirrors of the sandbox; videos on public addresses need no entry.
    allowPrivateAddresses: ['127.0.0.1'],
  })
  let last: PipelineEvent | undefined
  for await (const event of pipeline.run({ prompt }, { signal: interruption.signal })) {
    display.show(event)
    last = event
  }
  display.end()
  if (last?.type === 'run-completed') return last.result
  if (last?.type === 'run-failed') {
    const { upstream, error } = last
    const left = upstream ? `at ${upstream.generator} the job is ${upstream.state}` : 'no job is left running'
    stderr.write(`No video: ${error.message}; ${left}\n`)
  }
  return undefined
}

/** Reads the video back by its URL, and prints its location. Returns whether it was saved. */
async function reportVideo(demo: Demo, result: PipelineResultJson, { stderr }: CommandContext): Promise<boolean> {
  const { directory, display } = demo
  const { url, uploaded, durationMs, attempts } = result
  const answer = await fetch(url)
  const bytes = (await answer.bytes()).byteLength
  const mediaType = answer.headers.get('content-type')
  const address = `URL    ${url} (${bytes.toLocaleString('en')} bytes of ${mediaType})`
  if (uploaded?.id === undefined) {
    const reason = attempts.findLast(({ stage, errorMessage }) => stage === 'upload' && errorMessage)?.errorMessage
    display.say(`\n${address}`)
    stderr.write(`Could not save the video: ${reason ?? 'the upload has no result'}\n`)
    return false
  }
  const file = resolve(directory, uploaded.id)
  const saved = (await stat(file)).size
  if (!answer.ok || bytes !== saved) {
    throw new Error(`Could not read the video back: ${url} gave ${bytes} of ${saved} bytes, status ${answer.status}`)
  }
  display.say(`\nsaved  ${shownPath(file)}\n${address}\ntook   ${seconds(durationMs)}`)
  display.report({ type: 'video-saved', file, url, bytes, mediaType, durationMs })
  return true
}

async function serve({ display, interruption: { signal } }: Demo): Promise<void> {
  display.say('The URL works until Ctrl-C')
  if (!signal.aborted) await once(signal, 'abort')
}

function shownPath(file: string): string {
  const path = relative('.', file)
  return path.startsWith('..') || isAbsolute(path) ? file : `.${sep}${path}`
}
