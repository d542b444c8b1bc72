export type { Clock } from '../contracts/clock.js'
export type { SoraPipelineError } from '../contracts/errors.js'
export type { OneShotGenerator, TaskGenerator } from '../contracts/generator.js'
export type { JsonObject, JsonValue } from '../contracts/json.js'
export type { Publisher } from '../contracts/publisher.js'
export type { StoryboardShot, VideoRequest } from '../contracts/request.js'
export type { Resolver } from '../contracts/resolver.js'
export type { VideoSource } from '../contracts/source.js'
export type { StageContext } from '../contracts/stage.js'
export type { UploadedVideo, Uploader } from '../contracts/uploader.js'
export type { AllowPrivateAddresses } from '../upstream/download/allowed-destinations.js'
export { type MemoryVideoOptions, memoryVideo } from '../upstream/memory-video.js'
export type { Fetch } from '../upstream/outgoing-request.js'
export type { ApiCredential } from '../upstream/secret.js'
export { type ErrorFromResponseOptions, errorFromResponse } from './error-from-response.js'
export { chatCompletionsGenerator } from './generators/chat-completions/chat-completions-generator.js'
export type { ChatCompletionsGeneratorOptions } from './generators/chat-completions/chat-completions-options.js'
export { type ArkGeneratorOptions, arkGenerator } from './generators/providers/ark-generator.js'
export { type DashscopeGeneratorOptions, dashscopeGenerator } from './generators/providers/dashscope-generator.js'
export { type FalGeneratorOptions, falGenerator } from './generators/providers/fal-generator.js'
export {
  type GeminiVideoGeneratorOptions,
  geminiVideoGenerator,
} from './generators/providers/gemini-video-generator.js'
export { type MinimaxGeneratorOptions, minimaxGenerator } from './generators/providers/minimax-generator.js'
export type { ProviderGeneratorOptions } from './generators/providers/provider-options.js'
export { type ReplicateGeneratorOptions, replicateGenerator } from './generators/providers/replicate-generator.js'
export { type RunwayGeneratorOptions, runwayGenerator } from './generators/providers/runway-generator.js'
export type { TaskApiOperation } from './generators/task-api/operation.js'
export type { TaskServiceOptions } from './generators/task-api/service-options.js'
export type { TaskApiAnswer, TaskApiReading } from './generators/task-api/task-api-answer.js'
export { taskApiGenerator } from './generators/task-api/task-api-generator.js'
export type {
  TaskApiCall,
  TaskApiCreateContext,
  TaskApiFind,
  TaskApiGeneratorOptions,
  TaskApiResult,
  TaskApiVideoRequest,
} from './generators/task-api/task-api-options.js'
export type { TaskApiRequest } from './generators/task-api/task-api-request.js'
export { videoModelGenerator } from './generators/video-model/video-model-generator.js'
export type {
  VideoModelCall,
  VideoModelFile,
  VideoModelJson,
  VideoModelLike,
  VideoModelPoll,
  VideoModelProviderOptions,
  VideoModelResult,
  VideoModelStart,
  VideoModelStartCall,
  VideoModelStatus,
  VideoModelVideo,
} from './generators/video-model/video-model-like.js'
export type { VideoModelGeneratorOptions } from './generators/video-model/video-model-options.js'
export type { VideosApiDialect } from './generators/videos-api/dialect.js'
export { type VideosApiOperation, videosApiGenerator } from './generators/videos-api/videos-api-generator.js'
export type { VideosApiGeneratorOptions } from './generators/videos-api/videos-api-options.js'
export { type NetworkErrorFromOptions, networkErrorFrom } from './network-error-from.js'
export { type SoraPublisherOptions, soraPublisher } from './publishers/sora-publisher.js'
export { type RemoteVideoOptions, remoteVideo } from './remote-video.js'
export { type MirrorResolverOptions, mirrorResolver } from './resolvers/mirror-resolver.js'
export { type OriginalResolverOptions, originalResolver } from './resolvers/original-resolver.js'
export { type ParseServerResolverOptions, parseServerResolver } from './resolvers/parse-server-resolver.js'
export type { ClientPlace } from './uploaders/client-place.js'
export { type DirectoryUploaderOptions, directoryUploader } from './uploaders/directory-uploader.js'
export type { GoogleDriveUploaderOptions } from './uploaders/google-drive/google-drive-options.js'
export { googleDriveUploader } from './uploaders/google-drive/google-drive-uploader.js'
export type { S3Credentials, S3Presigned, S3UploaderOptions } from './uploaders/s3/s3-options.js'
export { s3Uploader } from './uploaders/s3/s3-uploader.js'
export { type StoragePut, type StorageUploaderOptions, storageUploader } from './uploaders/storage-uploader.js'
export { type UrlIngest, type UrlIngestUploaderOptions, urlIngestUploader } from './uploaders/url-ingest-uploader.js'
export { type Url2driveUploaderOptions, url2driveUploader } from './uploaders/url2drive/url2drive-uploader.js'
export { type WebdavUploaderOptions, webdavUploader } from './uploaders/webdav-uploader.js'
