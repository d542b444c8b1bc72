import * as z from 'zod/mini'
import { isPlainHttp } from '../upstream/plain-http.js'
import { withScheme } from './host-address.js'
import type { Settings } from './settings.js'

const address = z
  .string('give an absolute http or https address')
  .check(z.refine(isAddress, 'give an absolute http or https address without user name and password'))
const host = z
  .string('give a host or an address')
  .check(z.refine(isHost, 'give a host such as cdn.example, or an http or https address, without a query'))
const hosts = z.array(host, 'give a list of hosts')
const isEnabled = z._default(z.boolean('give true or false'), false)
const milliseconds = z.optional(z.number('give milliseconds').check(z.gt(0, 'give milliseconds above 0')))

/**
 * Reads settings and fills in the defaults: `settingsSchema.parse({})` switches everything off. Unknown fields are
 * refused, so that typing errors and credentials are noticed.
 *
 * @example
 * ```ts
 * import { settingsSchema } from 'sora-pipeline/settings'
 *
 * const { watermarkFree } = settingsSchema.parse({ watermarkFree: { isEnabled: true } })
 * console.log(watermarkFree) // { isEnabled: true, parseMethod: 'third_party' }
 * ```
 */
export const settingsSchema: z.ZodMiniType<Settings> = z.strictObject(
  {
    version: z._default(z.literal(1, 'give 1'), 1),
    generator: z.optional(
      section({
        kind: z._default(
          z.enum(['videos-api', 'chat-completions'], 'give videos-api or chat-completions'),
          'videos-api',
        ),
        baseUrl: address,
        model: z.optional(text('give the name of a model')),
      }).check(
        z.refine(({ kind, model }) => kind === 'videos-api' || model !== undefined, {
          path: ['model'],
          error: 'give the model that chat-completions is to use',
        }),
      ),
    ),
    publisher: z.optional(section({ baseUrl: address })),
    watermarkFree: z.prefault(
      section({
        isEnabled,
        parseMethod: z._default(z.enum(['third_party', 'custom'], 'give third_party or custom'), 'third_party'),
        customUrl: z.optional(address),
      }),
      {},
    ),
    mirrors: z.prefault(
      section({
        hosts: z._default(hosts, []),
        path: z._default(
          text('give a path such as /MP4/{postId}.mp4').check(
            z.refine((path) => path.startsWith('/'), 'begin it with /'),
          ),
          '/MP4/{postId}.mp4',
        ),
        syncTimeoutMs: z._default(z.number('give milliseconds').check(z.gte(0, 'give milliseconds from 0')), 20_000),
      }),
      {},
    ),
    googleDrive: z.prefault(
      section({
        isEnabled,
        kind: z._default(z.enum(['url2drive', 'drive'], 'give url2drive or drive'), 'url2drive'),
        spaces: z._default(hosts, []),
        folderId: z.optional(text('give the id of a folder')),
      }),
      {},
    ),
    directory: z.optional(section({ path: text('give the path of a directory'), publicBaseUrl: address })),
    deadlines: z.prefault(
      section({
        generateMs: milliseconds,
        publishMs: milliseconds,
        resolveMs: milliseconds,
        uploadMs: milliseconds,
        totalMs: milliseconds,
      }),
      {},
    ),
  },
  'give an object',
)

function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, 'give an object')
}

function text(fix: string) {
  return z.string(fix).check(z.refine((value) => value.trim() !== '', fix))
}

function isAddress(value: string): boolean {
  return URL.canParse(value) && isPlainHttp(new URL(value))
}

function isHost(value: string): boolean {
  return value.trim() !== '' && !/[?#]/.test(value) && isAddress(withScheme(value))
}
