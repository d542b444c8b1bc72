import type { TaskGenerator } from '../../../contracts/generator.js'
import type { VideoRequest } from '../../../contracts/request.js'
import type { StageContext } from '../../../contracts/stage.js'
import { versionAdvice } from '../../../upstream/answer-error.js'
import { createApi } from '../../../upstream/api.js'
import { readJob } from '../answers/job-answer.js'
import { checkLists } from '../check-lists.js'
import { withImages } from '../fetched-images.js'
import { generatorOf } from '../task-api/task-service.js'
import { planCreate } from './create-plan.js'
import { DIALECTS } from './dialect.js'
import { videoList } from './video-list.js'
import { createVideoSubmitter } from './video-submitter.js'
import { checkVideosApiOptions, type VideosApiGeneratorOptions } from './videos-api-options.js'

/** A job at a server of the `/v1/videos` family. */
export type VideosApiOperation = {
  /** Id of the job at the server. */
  readonly id: string
  /** Address for polls, if the server gave one; always on the API's own origin. */
  readonly pollUrl?: string
  /** Address that the answer to the submission named without a state: the video, if the server turns out to have no such job. */
  readonly videoUrl?: string
  /** Digests of the media that the request gave: an answer that repeats one of them does not name the video with it. */
  readonly inputs?: readonly string[]
}

/**
 * Generates through any server of the `/v1/videos` family: the shape of the retired OpenAI Videos API, served by vLLM-Omni,
 * SGLang, LiteLLM, new-api, OpenRouter and others. There is no default address.
 *
 * A submission is one `POST`. Any answer that may come from an accepted one (a reset, a timeout, 408, 409, 499, 3xx,
 * most 5xx, an unreadable success) rejects with `SubmissionUnknownError`. `image` is sent as `input_reference`,
 * `video` as bytes to `/videos/edits`, `remixOf` to `/videos/{id}/remix`; `providerOptions` are merged into the body
 * last. `seed`, `audio` and `user` are not sent and give a warning, `style`, `storyboard`, `lastFrame`, `references` and `audioInput` an
 * `InvalidRequestError`, unless `providerOptions` has them. `dialect` names the fields of other servers, which take more of these.
 *
 * An unknown state means that the job runs. `cancel` deletes a job that is still running; the dialect `sglang` has none, because
 * SGLang answers as if the job stopped but continues it. An abort only ends the wait: the job continues upstream, at its price, until
 * it is cancelled there.
 *
 * @throws ConfigurationError when an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { videosApiGenerator } from 'sora-pipeline/strategies'
 *
 * const generator = videosApiGenerator({ baseUrl: 'https://api.example/v1', apiKey: 'your-key', model: 'sora-2' })
 * console.log(generator.name)
 * ```
 */
export function videosApiGenerator(given: VideosApiGeneratorOptions): TaskGenerator<VideosApiOperation> {
  const options = checkVideosApiOptions(given)
  const api = createApi({ ...options, subject: options.name, notFoundAdvice: versionAdvice })
  const submitter = createVideoSubmitter(api, options)
  const list = videoList(api)
  const jobUrl = (id: string) => api.address(`/videos/${encodeURIComponent(id)}`)
  const contentUrl = (id: string) => new URL(api.address(`/videos/${encodeURIComponent(id)}/content`))
  const pollUrlOf = ({ id, pollUrl }: VideosApiOperation) => {
    const isOwn = pollUrl !== undefined && URL.canParse(pollUrl) && new URL(pollUrl).origin === api.origin
    return isOwn ? pollUrl : jobUrl(id)
  }
  const prepare = (request: VideoRequest, context: StageContext) => {
    // Before anything is fetched for a request that is refused. The submission warns.
    planCreate(request, options, { ...context, warn: undefined })
    return withImages(request, options, context)
  }
  return generatorOf({
    options,
    api,
    read: readJob,
    prepare: options.imageUrls === 'url' ? undefined : prepare,
    submit: async (request, context) => ({
      answer: await submitter.submit(planCreate(request, options, context), context),
    }),
    pollOf: (operation) => ({ method: 'GET', url: pollUrlOf(operation) }),
    contentUrlOf: (id) => contentUrl(id).href,
    variantUrlOf: (id, variant) => {
      const url = contentUrl(id)
      url.searchParams.set('variant', variant)
      return url.href
    },
    check: ({ signal }) => checkLists(api, { paths: ['/models', '/videos'], signal, timeoutMs: options.timeoutMs }),
    sendsCallback: options.callbackField !== undefined,
    found: options.lookup === 'list' ? list : undefined,
    listed: { list, has: (operation) => pollUrlOf(operation) === jobUrl(operation.id) },
    ...(DIALECTS[options.dialect].continuesDeleted !== true && {
      cancelOf: ({ id }: VideosApiOperation) => ({ method: 'DELETE', url: jobUrl(id) }),
    }),
  })
}
