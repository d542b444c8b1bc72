import type { PipelineEvent, PipelineRun, SoraPipeline } from 'sora-pipeline'
import type { CommandContext } from '../command.js'
import { runDisplay } from '../display/run-display.js'
import { EXIT_CODES } from '../exit-code.js'
import { listenForInterruption } from '../interruption.js'
import { printable } from '../printable.js'

/** A run that continues in this process. */
export interface ShownRun {
  readonly pipeline: SoraPipeline
  /** Starts or continues the run. */
  start(): Promise<PipelineRun>
  /** The last line of JSON output, which gets the status and the URL. */
  readonly report: { readonly type: string; readonly id?: string }
  readonly values: { readonly json: boolean }
  readonly context: CommandContext
}

/** Shows a run to its end. At a signal the pipeline closes: nothing is cancelled, and the next process resumes the run. */
export async function showToEnd({ pipeline, start, report, values, context }: ShownRun): Promise<number> {
  const interruption = listenForInterruption(context)
  const display = runDisplay(context, { isJson: values.json })
  const closed = new Promise<undefined>((resolve) => {
    interruption.signal.addEventListener('abort', () => pipeline.close().then(() => resolve(undefined)))
  })
  try {
    const run = await start()
    display.say(`run ${printable(run.id)}`)
    // In a closed pipeline the events of a run end with a failure, and the run continues elsewhere.
    const isEndHere = ({ type }: PipelineEvent) => type === 'run-failed' && interruption.signal.aborted
    const ended = await shown(run, (event) => {
      if (!isEndHere(event)) display.show(event)
    })
    const isLeft = interruption.signal.aborted && ended?.type !== 'run-completed'
    const last = isLeft ? await closed : ended
    display.end()
    const done = { ...report, id: run.id }
    if (last === undefined) {
      display.report({ ...done, status: 'running' })
      context.stderr.write('Left: nothing was cancelled, and the next process that resumes the run continues it\n')
      return interruption.exitCode ?? EXIT_CODES.failed
    }
    if (last.type === 'run-completed') {
      display.report({ ...done, status: 'completed', url: last.result.url })
      display.say(`URL    ${printable(last.result.url)}`)
      return EXIT_CODES.done
    }
    const status = last.error.code === 'submission-unknown' ? 'needs-review' : 'failed'
    display.report({ ...done, status, error: last.error })
    context.stderr.write(`No video: ${printable(last.error.message)}\n`)
    return EXIT_CODES.failed
  } finally {
    display.end()
    interruption.release()
  }
}

type LastEvent = Extract<PipelineEvent, { readonly type: 'run-completed' | 'run-failed' }>

async function shown(run: PipelineRun, show: (event: PipelineEvent) => void): Promise<LastEvent | undefined> {
  for await (const event of run) {
    show(event)
    if (event.type === 'run-completed' || event.type === 'run-failed') return event
  }
  return undefined
}
