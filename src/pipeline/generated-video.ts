import { pollTask } from '../combinators/combined-generator.js'
import type { GeneratedVideo } from '../contracts/generator.js'
import { generatorRoutesOf } from '../contracts/generator-route.js'
import type { VideoSource } from '../contracts/source.js'
import { UpstreamResponseError } from '../contracts/upstream-errors.js'
import { contextOf, openStage, type RunSession } from './run-session.js'

/**
 * The generated video with its source. A source with a key is not in the saved state: after a restart the generator is asked
 * again for what it has made.
 * @throws UpstreamResponseError when the generator does not have it any more.
 */
export async function videoOf(session: RunSession): Promise<GeneratedVideo> {
  if (session.video) return session.video
  const { video, submission } = session.state
  if (video?.url !== undefined) return { ...video, url: video.url }
  const { clock, generator: chain } = session.config
  const { generator } = generatorRoutesOf(chain).at(submission?.cursor ?? null)
  const work = openStage('generate', clock.now(), generator)
  const status = await pollTask(
    generator,
    submission?.handle?.operation ?? null,
    contextOf(session, work, session.signal),
  )
  if (status.state !== 'completed') {
    throw new UpstreamResponseError(
      `Could not open the video again, ${generator.name} says that it is: ${status.state}`,
    )
  }
  session.video = status.video
  return status.video
}

/** The generated video for a result: its source is asked for when somebody opens it. */
export function videoForResult(session: RunSession): GeneratedVideo {
  if (session.video) return session.video
  const { video } = session.state
  const { url, ...facts } = video ?? { id: session.id }
  if (url !== undefined) return { ...facts, url }
  const source: VideoSource = {
    isPublic: false,
    open: async (options) => {
      const { source: opened } = await videoOf(session)
      if (opened) return opened.open(options)
      throw new UpstreamResponseError(`Could not open the video again, it has no bytes any more: ${facts.id}`)
    },
  }
  return { ...facts, source }
}
