export type { Clock } from '../contracts/clock.js'
export type {
  CancelOutcome,
  GeneratedVideo,
  Generator,
  OneShotGenerator,
  TaskGenerator,
  TaskStatus,
} from '../contracts/generator.js'
export type { JsonValue } from '../contracts/json.js'
export type { Publication, Publisher } from '../contracts/publisher.js'
export type { VideoRequest } from '../contracts/request.js'
export type { ResolvedVideo, ResolveInput, Resolver } from '../contracts/resolver.js'
export type { RunStore } from '../contracts/run-store.js'
export type { VideoSource } from '../contracts/source.js'
export type { FindContext, StageProgress, StageWarning, SubmitContext } from '../contracts/stage.js'
export type { SubmissionSupport } from '../contracts/submission-support.js'
export type { UploadedVideo, Uploader } from '../contracts/uploader.js'
export { type ClockConformanceOptions, type ClockSubject, clockConformance } from './conformance/clock-conformance.js'
export type {
  ConformanceOptions,
  ConformanceSubject,
  ConformanceTest,
  StrategyConformanceOptions,
} from './conformance/conformance-suite.js'
export {
  type GeneratorConformanceOptions,
  type GeneratorSubject,
  generatorConformance,
} from './conformance/generator-conformance.js'
export {
  type PublisherConformanceOptions,
  type PublisherSubject,
  publisherConformance,
} from './conformance/publisher-conformance.js'
export {
  type ResolverConformanceOptions,
  type ResolverSubject,
  resolverConformance,
} from './conformance/resolver-conformance.js'
export { type RunStoreConformanceOptions, runStoreConformance } from './conformance/run-store-conformance.js'
export type { RunStoreSubject } from './conformance/run-store-subject.js'
export { uploaderConformance } from './conformance/uploader-conformance.js'
export type { UploaderConformanceOptions, UploaderSubject } from './conformance/uploader-subject.js'
export type { FakeCall, FakeOptions, FakeOutcome } from './fake-call.js'
export { type FakeContext, type FakeContextOptions, fakeContext } from './fake-context.js'
export { type FakeGenerator, type FakeGeneratorOptions, fakeGenerator } from './fake-generator.js'
export { type FakePublisher, type FakePublisherOptions, fakePublisher } from './fake-publisher.js'
export { type FakeResolver, type FakeResolverOptions, fakeResolver } from './fake-resolver.js'
export { type FakeSource, type FakeSourceOptions, fakeSource } from './fake-source.js'
export { type FakeTaskGenerator, type FakeTaskGeneratorOptions, fakeTaskGenerator } from './fake-task-generator.js'
export { type FakeUploader, type FakeUploaderOptions, fakeUploader } from './fake-uploader.js'
export { type CutOptions, cutReply, neverReply, replyRaw, resetConnection } from './fault-server/cut-reply.js'
export type { FaultConnection, FaultHandler, FaultRequest, ReplyPart } from './fault-server/fault-connection.js'
export {
  type FaultRoutes,
  type FaultServer,
  type FaultServerOptions,
  faultServer,
} from './fault-server/fault-server.js'
export { gzipBomb } from './fault-server/gzip-bomb.js'
export { type ReplyOptions, reply, replyJson } from './fault-server/reply.js'
export { type ReplyFileOptions, replyFile } from './fault-server/reply-file.js'
export { type SlowOptions, slowReply } from './fault-server/slow-reply.js'
export type { CertificateFlaw } from './fault-server/test-certificate.js'
export { type ManualClock, type ManualClockOptions, manualClock } from './manual-clock.js'
