// One plain line for each thing that happens in a run.
import { styleText } from 'node:util'
import { type PipelineEvent, SoraPipeline } from 'sora-pipeline'
import { fakeGenerator, fakeResolver, fakeUploader } from 'sora-pipeline/testing'

/** A line about an event, in colour where the terminal has it; `undefined` for what needs no line. */
export function eventLine(event: PipelineEvent): string | undefined {
  switch (event.type) {
    case 'stage-started':
      return line('cyan', '>', event.stage, event.label ?? event.strategy)
    case 'stage-progressed':
      return line('dim', '.', event.stage, progressText(event))
    case 'attempt-failed':
      return line('yellow', '!', event.stage, `${event.strategy} failed: ${event.error.message}`)
    case 'fallback-taken':
      return line('yellow', '!', event.stage, `passed over ${event.strategy}, next is ${event.next}`)
    case 'warning':
      return line('yellow', '!', event.stage ?? 'run', event.message)
    case 'stage-completed':
      return line('green', '+', event.stage, `${event.strategy} done in ${seconds(event.durationMs)}`)
    case 'stage-failed':
      return line('red', 'x', event.stage, `given up: ${event.error.message}`)
    default:
      return undefined
  }
}

/** Milliseconds as people read them. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

type Colour = Parameters<typeof styleText>[0]

function line(colour: Colour, mark: string, stage: string, text: string): string {
  // styleText leaves colours out where the output is no terminal, or NO_COLOR is set.
  return `${styleText(colour, `${mark} ${stage.padEnd(8)}`, { stream: process.stdout })} ${text}`
}

function progressText(event: Extract<PipelineEvent, { type: 'stage-progressed' }>): string {
  const { ratio, phase, message, bytesDone, elapsedMs } = event
  const parts = [
    ratio === undefined ? undefined : `${Math.floor(ratio * 100)} %`,
    message ?? phase,
    bytesDone === undefined ? undefined : `${bytesDone.toLocaleString('en')} bytes`,
    seconds(elapsedMs),
  ]
  return parts.filter((part) => part !== undefined).join(', ')
}

if (import.meta.main) {
  const pipeline = new SoraPipeline({
    generator: fakeGenerator({ progress: [{ phase: 'queued' }, { ratio: 0.5, phase: 'rendering' }] }),
    resolver: fakeResolver({ outcome: new Error('no mirror has it') }),
    uploader: fakeUploader(),
  })
  const run = pipeline.run({ prompt: 'A cat playing piano' })
  for await (const event of run) {
    const text = eventLine(event)
    if (text !== undefined) console.log(text)
  }
  console.log((await run.result).url)
}
