// The configuration of the container, from its environment. `npx sora-pipeline doctor --config config.ts` checks all of it.
import { Pool } from 'pg'
import type { SoraPipelineOptions } from 'sora-pipeline'
import { postgresStore } from 'sora-pipeline/stores'
import { s3Uploader, videosApiGenerator } from 'sora-pipeline/strategies'

/** Every variable, and what it is for. */
const VARIABLES = {
  VIDEO_BASE_URL: 'the server that makes the videos, such as https://gateway.example/v1',
  VIDEO_API_KEY: 'its key (secret)',
  DATABASE_URL: 'the PostgreSQL of the runs, such as postgres://user:password@db:5432/videos (secret)',
  S3_ENDPOINT: 'the storage, such as https://s3.eu-central-1.amazonaws.com',
  S3_REGION: 'its region, such as eu-central-1, or auto',
  S3_BUCKET: 'the bucket of the videos',
  S3_ACCESS_KEY_ID: 'a key that may read and write the bucket',
  S3_SECRET_ACCESS_KEY: 'its secret (secret)',
  API_KEYS: 'who may call, as name:key,name:key with 16 characters or more in a key (secret)',
} as const

const missing = Object.entries(VARIABLES).filter(([name]) => !process.env[name])
if (missing.length > 0) {
  const list = missing.map(([name, meaning]) => `\n  ${name}: ${meaning}`).join('')
  throw new Error(`Could not read the environment, these variables are not set:${list}`)
}
const env = process.env as Record<keyof typeof VARIABLES, string> & { readonly ALLOW_PRIVATE_ADDRESSES?: string }

export const pool = new Pool({ connectionString: env.DATABASE_URL })

export const store = postgresStore({ pool, keepEndedMs: 30 * 86_400_000 })

export const options: SoraPipelineOptions = {
  generator: videosApiGenerator({ baseUrl: env.VIDEO_BASE_URL, apiKey: env.VIDEO_API_KEY, lookup: 'list' }),
  uploader: s3Uploader({
    endpoint: env.S3_ENDPOINT,
    region: env.S3_REGION,
    bucket: env.S3_BUCKET,
    accessKeyId: env.S3_ACCESS_KEY_ID,
    secretAccessKey: env.S3_SECRET_ACCESS_KEY,
    key: 'videos/{date}/{runId}.{extension}',
  }),
  store,
  maxConcurrentRuns: { total: 50, perOwner: 5 },
  // Hosts inside of your network that serve videos, separated by commas.
  allowPrivateAddresses: env.ALLOW_PRIVATE_ADDRESSES?.split(',') ?? [],
}

export const apiKeys = env.API_KEYS.split(',').map((entry) => {
  const [, owner, key] = /^([\w-]+):([\w-]{16,})$/.exec(entry) ?? []
  if (!owner || !key)
    throw new Error('Could not read API_KEYS: give name:key, with 16 letters and digits or more in a key')
  return { key, owner }
})
