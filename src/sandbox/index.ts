export type { Fault, FaultKind, FaultPlan, FaultPlans, SandboxEndpoint } from './fault.js'
export { type MakeVideoOptions, makeVideo } from './make-video.js'
export type { SandboxRequest } from './sandbox-request.js'
export { type Sandbox, type SandboxFiles, type SandboxOptions, startSandbox } from './start-sandbox.js'
