import { fallback } from '../combinators/fallback.js'
import { withTimeout } from '../combinators/with-timeout.js'
import type { Generator } from '../contracts/generator.js'
import { ConfigurationError } from '../contracts/input-errors.js'
import type { Publisher } from '../contracts/publisher.js'
import type { Resolver } from '../contracts/resolver.js'
import type { Uploader } from '../contracts/uploader.js'
import { chatCompletionsGenerator } from '../strategies/generators/chat-completions/chat-completions-generator.js'
import { videosApiGenerator } from '../strategies/generators/videos-api/videos-api-generator.js'
import { soraPublisher } from '../strategies/publishers/sora-publisher.js'
import { mirrorResolver } from '../strategies/resolvers/mirror-resolver.js'
import { originalResolver } from '../strategies/resolvers/original-resolver.js'
import { parseServerResolver } from '../strategies/resolvers/parse-server-resolver.js'
import { directoryUploader } from '../strategies/uploaders/directory-uploader.js'
import { googleDriveUploader } from '../strategies/uploaders/google-drive/google-drive-uploader.js'
import { url2driveUploader } from '../strategies/uploaders/url2drive/url2drive-uploader.js'
import type { AllowPrivateAddresses } from '../upstream/download/allowed-destinations.js'
import type { Fetch } from '../upstream/outgoing-request.js'
import { withScheme } from './host-address.js'
import type { Settings } from './settings.js'
import type { SettingsSecrets } from './settings-secrets.js'
import { type SettingsWarning, settingsWarning } from './settings-warning.js'

/** The parts of a chain. */
export interface ChainParts {
  readonly settings: Settings
  readonly secrets: SettingsSecrets
  /** Replaces the generator of the settings. */
  readonly generator?: Generator | undefined
  /** The deadline of the upload stage in milliseconds, which the uploaders of a chain share. */
  readonly uploadMs: number
  readonly fetch?: Fetch | undefined
  readonly allowPrivateAddresses?: AllowPrivateAddresses | undefined
}

/** The strategies of a pipeline. */
export interface SettingsChain {
  readonly generator: Generator
  readonly publisher?: Publisher
  readonly resolver?: Resolver
  readonly uploader?: Uploader
  /** Features that are switched on but omitted. */
  readonly warnings: readonly SettingsWarning[]
}

/**
 * Builds the chain of the settings. A feature that is switched on but lacks an address or a credential is omitted,
 * with a warning.
 * @throws ConfigurationError when the generator is missing, or a strategy refuses its options.
 */
export function buildChain(parts: ChainParts): SettingsChain {
  const warnings: SettingsWarning[] = []
  const warn = (code: SettingsWarning['code']) => {
    warnings.push(settingsWarning(code))
    return {}
  }
  const uploader = uploaderOf(parts, warn)
  return {
    generator: parts.generator ?? generatorOf(parts),
    ...watermarkFreeOf(parts, warn),
    ...(uploader !== undefined && { uploader }),
    warnings,
  }
}

type Warn = (code: SettingsWarning['code']) => object

function generatorOf({ settings, secrets, fetch, allowPrivateAddresses }: ChainParts): Generator {
  const { generator } = settings
  if (generator === undefined) {
    const fix = 'name the server that makes the videos (SORA_BASE_URL); there is no default'
    throw new ConfigurationError('pipelineFromSettings', [{ field: 'generator.baseUrl', value: 'nothing', fix }])
  }
  const { kind, baseUrl, model } = generator
  const options = { baseUrl, apiKey: secrets.soraApiKey, fetch }
  // The schema guarantees a model.
  return kind === 'videos-api'
    ? videosApiGenerator({ ...options, model, allowPrivateAddresses })
    : chatCompletionsGenerator({ ...options, model: model ?? '' })
}

function watermarkFreeOf(parts: ChainParts, warn: Warn): Pick<SettingsChain, 'publisher' | 'resolver'> {
  const { settings, secrets, fetch, allowPrivateAddresses } = parts
  const { watermarkFree, mirrors, publisher } = settings
  if (!watermarkFree.isEnabled) return {}
  const { parseMethod, customUrl } = watermarkFree
  const isCustom = parseMethod === 'custom'
  if (isCustom && customUrl === undefined) return warn('watermark-free-without-parse-server')
  if (!isCustom && mirrors.hosts.length === 0) return warn('watermark-free-without-mirrors')
  const needsPost = isCustom || mirrors.path.includes('{postId}')
  if (needsPost && publisher === undefined) return warn('watermark-free-without-publisher')
  const copy =
    isCustom && customUrl !== undefined
      ? parseServerResolver({ baseUrl: customUrl, token: secrets.customParseToken, fetch, allowPrivateAddresses })
      : mirrorResolver({ ...mirrors, fetch, allowPrivateAddresses })
  return {
    ...(publisher && { publisher: soraPublisher({ ...publisher, apiKey: secrets.publishToken, fetch }) }),
    resolver: fallback(copy, originalResolver()),
  }
}

function uploaderOf(parts: ChainParts, warn: Warn): Uploader | undefined {
  const { settings, uploadMs } = parts
  const { googleDrive, directory } = settings
  const uploaders = [
    ...(googleDrive.isEnabled ? driveUploadersOf(parts, warn) : []),
    ...(directory ? [directoryUploader({ directory: directory.path, publicBaseUrl: directory.publicBaseUrl })] : []),
  ]
  // An uploader that hangs must leave time for the next ones.
  const timeoutMs = uploadMs / uploaders.length
  const shared = uploaders.map((uploader, index) => {
    return index + 1 < uploaders.length ? withTimeout(uploader, { timeoutMs }) : uploader
  })
  const [first, ...others] = shared
  return first === undefined || others.length === 0 ? first : fallback(first, ...others)
}

function driveUploadersOf({ settings, secrets, fetch }: ChainParts, warn: Warn): readonly Uploader[] {
  const { kind, spaces, folderId } = settings.googleDrive
  const { googleDrivePassword: password, googleDriveAccessToken: accessToken, huggingFaceToken: token } = secrets
  const none = (code: SettingsWarning['code']) => {
    warn(code)
    return []
  }
  if (kind === 'drive') {
    return accessToken === undefined
      ? none('google-drive-without-access-token')
      : [googleDriveUploader({ accessToken, folderId, fetch })]
  }
  if (password === undefined) return none('google-drive-without-password')
  if (spaces.length === 0) return none('google-drive-without-spaces')
  const addresses = [...new Set(spaces.map(withScheme))]
  return addresses.map((baseUrl) => {
    return url2driveUploader({ name: `url2drive:${new URL(baseUrl).host}`, baseUrl, password, token, fetch })
  })
}
