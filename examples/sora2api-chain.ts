// The chain of sora2api from its own variables: generate, publish, three mirrors, two Spaces, and a URL whatever
// fails.
import { startSandbox } from 'sora-pipeline/sandbox'
import { jsonBinSettings, pipelineFromSettings, settingsFromEnv, sora2apiPreset } from 'sora-pipeline/settings'

const sandbox = await startSandbox({
  speed: 20,
  faults: { 'mirror-1': { kind: 'reset' }, 'space-1.call': { kind: 'status', status: 503 } },
})

// In production use process.env. The preset contains the hosts of sora2api; here the sandbox replaces them.
const env = {
  SORA_API: 'chat',
  SORA_BASE_URL: sandbox.chat.baseUrl,
  SORA_API_KEY: sandbox.chat.apiKey,
  SORA_MODEL: sandbox.chat.models[0],
  SORA_PUBLISH_BASE_URL: sandbox.posts.baseUrl,
  SORA_PUBLISH_TOKEN: sandbox.posts.token,
  WATERMARK_FREE_ENABLED: 'true',
  WATERMARK_FREE_HOSTS: sandbox.mirrors.join(','),
  GOOGLE_DRIVE_PASSWORD: sandbox.spaces[0].password,
  GOOGLE_DRIVE_SPACES: sandbox.spaces.map(({ baseUrl }) => baseUrl).join(','),
  JSONBIN_BASE_URL: sandbox.jsonBin.baseUrl,
  JSONBIN_BIN_ID: sandbox.jsonBin.binId,
  JSONBIN_MASTER_KEY: sandbox.jsonBin.masterKey,
}
const { settings, secrets, jsonBin } = settingsFromEnv(env, sora2apiPreset)
if (jsonBin === undefined) throw new Error('Could not find the settings store: set JSONBIN_BIN_ID')

const live = jsonBinSettings({
  ...jsonBin,
  initial: settings,
  secrets,
  onWarning: ({ message }) => console.log(message),
})
await live.pull()
const pipeline = pipelineFromSettings(live, secrets, { allowPrivateAddresses: ['127.0.0.1'] })
for (const { message } of pipeline.warnings) console.log(message)

const report = async (title: string) => {
  console.log(title)
  const { attempts, servedBy, url } = await pipeline.generate({ prompt: 'A cat playing piano' })
  for (const { stage, strategy, outcome, errorCode } of attempts) {
    console.log(`  ${stage}: ${strategy} ${outcome}${errorCode === undefined ? '' : ` (${errorCode})`}`)
  }
  console.log(`  ${url} from the ${servedBy}`)
}

await report('as the variables say')
await live.update({ googleDrive: { isEnabled: false } }) // As an admin page would; the next run does without it.
await report('with Google Drive switched off')
sandbox.setFaults({ 'mirror-2': { kind: 'html' }, 'mirror-3': { kind: 'status', status: 500 } })
await report('with every mirror broken')
await sandbox.close()
