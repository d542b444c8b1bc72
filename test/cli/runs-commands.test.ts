import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { Pool } from 'pg'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunStore, SoraPipeline } from '../../src/index.js'
import { type Sandbox, startSandbox } from '../../src/sandbox/index.js'
import { fileStore, postgresStore, redisStore, sqliteStore } from '../../src/stores/index.js'
import { mirrorResolver, videosApiGenerator } from '../../src/strategies/index.js'
import { isPostgresSkipped, startPostgres } from '../stores/servers/postgres-server.js'
import { isRedisSkipped, startRedis } from '../stores/servers/redis-server.js'
import { type OperatorProject, operatorProject } from './operator-project.js'

// The built command as an operator runs it, on real stores that a backend works with at the same time.

let sandbox: Sandbox
let project: OperatorProject
beforeAll(async () => {
  ;[sandbox, project] = await Promise.all([startSandbox({ speed: 20 }), operatorProject()])
})
afterAll(async () => {
  await Promise.all([sandbox.close(), project.remove()])
})

interface OpenPlace {
  readonly address: string
  readonly flags: readonly string[]
  readonly variables: Readonly<Record<string, string>>
  readonly store: RunStore
  close(): Promise<unknown>
}

const PLACES = {
  fileStore: async (): Promise<OpenPlace> => {
    const store = fileStore({ directory: `${project.folder}/runs of files` })
    return {
      address: 'runs of files/',
      flags: ['--store', 'runs of files'],
      variables: {},
      store,
      close: async () => {},
    }
  },
  sqliteStore: async (): Promise<OpenPlace> => {
    const store = sqliteStore({ path: `${project.folder}/runs.db` })
    return { address: 'runs.db', flags: ['--store', 'runs.db'], variables: {}, store, close: () => store.close() }
  },
  redisStore: async (): Promise<OpenPlace> => {
    const redis = await startRedis()
    const address = `redis://127.0.0.1:${redis.port}`
    const client = createClient({ url: address })
    await client.connect()
    const store = redisStore({ client, prefix: 'ours' })
    const close = async () => {
      client.destroy()
      await redis.close()
    }
    return { address, flags: ['--store', address, '--prefix', 'ours'], variables: {}, store, close }
  },
  // The password stays in a variable.
  postgresStore: async (): Promise<OpenPlace> => {
    const postgres = await startPostgres('fsync=off')
    const { host, port, user, password, database } = postgres.config
    const pool = new Pool(postgres.config)
    const address = `postgres://${user}:${password}@${host}:${port}/${database}`
    const store = postgresStore({ pool })
    const close = async () => {
      await pool.end()
      await postgres.close()
    }
    return { address, flags: [], variables: { SORA_PIPELINE_STORE: address }, store, close }
  },
} as const

const SKIPPED: Readonly<Record<string, boolean>> = { redisStore: isRedisSkipped, postgresStore: isPostgresSkipped }

describe.each(Object.keys(PLACES) as (keyof typeof PLACES)[])('the runs of a %s', (name) => {
  describe.skipIf(SKIPPED[name])('with its server', () => {
    let place: OpenPlace
    let pipeline: SoraPipeline
    const runs = (...args: readonly string[]) => project.command(['runs', ...args, ...place.flags], place.variables)

    beforeAll(async () => {
      place = await PLACES[name]()
      const migrated = await project.command(['migrate', '--store', place.address, ...place.flags.slice(2), '--json'])
      // Postgres runs without fsync here, which is a problem.
      expect(JSON.parse(migrated.stdout)).toMatchObject({ type: 'migrated' })
      expect(migrated.code, migrated.stderr).toBe(name === 'postgresStore' ? 1 : 0)
      pipeline = new SoraPipeline({
        generator: videosApiGenerator({ ...sandbox.videosApi, name: 'gateway' }),
        resolver: mirrorResolver({ hosts: sandbox.mirrors, path: '/MP4/{videoId}.mp4' }),
        store: place.store,
        allowPrivateAddresses: ['127.0.0.1'],
      })
    })
    afterAll(async () => {
      await pipeline.close()
      await place.close()
    })

    async function runInReview(id: string): Promise<void> {
      sandbox.setFaults({ 'videos.create': [{ kind: 'truncated-json' }] })
      const { result } = pipeline.run({ prompt: `A cat of ${id}`, image: PIXEL }, { id, owner: 'ann' })
      await expect(result).rejects.toMatchObject({ code: 'submission-unknown' })
      sandbox.clearFaults()
    }

    it('lists the webhooks that were given up, page by page', async () => {
      expect((await runs('webhooks')).stdout).toBe('No webhooks were given up\n')
      for (const [index, host] of ['a.example', 'b.example'].entries()) {
        const value = { runId: `run_${index}`, owner: 'ann', webhookId: `evt_${index}`, host, outcome: 'exhausted' }
        const rest = { attempts: 7, abandonedAt: Date.now(), error: { message: 'Could not deliver the webhook' } }
        const note = { value: { ...value, ...rest }, dueInMs: 0, expiresInMs: 60_000 }
        await place.store.saveNote?.('abandoned-webhooks', `run_${index}`, 0, note)
      }
      const { stdout } = await runs('webhooks')
      expect(stdout).toMatch(/^\d+ s ago {2}exhausted {2}7 attempts {2}a.example {2}run_0 {2}Could not deliver/m)
      const page = JSON.parse((await runs('webhooks', '--limit', '1', '--json')).stdout)
      expect(page).toMatchObject({ webhooks: [{ runId: 'run_0', host: 'a.example' }], next: 'run_0' })
      expect((await runs('webhooks', '--after', 'run_0')).stdout).toContain('run_1')
    })

    it('finds a run that waits for a person, explains it, and settles it by the printed command, word for word', async () => {
      await runInReview(`absent of ${name}`)
      const listed = await runs('list', '--status', 'needs-review', '--json')
      expect(JSON.parse(listed.stdout)).toMatchObject({ runs: [{ id: `absent of ${name}`, owner: 'ann' }] })
      const table = await runs('list')
      expect(table.stdout).toMatch(
        new RegExp(String.raw`^needs-review  \d+ s +- +ann +absent of ${name}  a person: Could not `, 'm'),
      )

      const shown = await runs('show', `absent of ${name}`)
      expect(shown).toMatchObject({ code: 0, stderr: '' })
      expect(shown.stdout).toContain('paid        not known: submission 1 was sent')
      expect(shown.stdout).toContain(`prompt      A cat of absent of ${name}`)
      expect(shown.stdout).toContain('image       image/png, 70 bytes')
      expect(shown.stdout).toMatch(/^ {2}generate {4}gateway failed after .* s: submission-unknown: Could not /m)
      expect(shown.stdout).not.toContain('\u001b')
      expect(shown.stdout).not.toContain('Pa55word')
      const command = /^ {4}(npx sora-pipeline runs settle .* --not-submitted .*)$/m.exec(shown.stdout)?.[1] ?? ''

      const before = sandbox.requestsTo('videos.create').length
      const settled = await project.shell(command, place.variables)
      expect(settled, command).toMatchObject({ code: 0, stderr: '' })
      expect(settled.stdout).toContain(`Settled absent of ${name}: it continues in the next process`)
      // Nothing is submitted by the command.
      expect(sandbox.requestsTo('videos.create')).toHaveLength(before)
      expect((await runs('list', '--status', 'running')).stdout).toContain(
        'a process: no live worker holds it, due for',
      )

      const [run] = await pipeline.recover()
      expect(await run?.result).toMatchObject({ runId: `absent of ${name}`, servedBy: 'resolver' })
      expect(sandbox.requestsTo('videos.create')).toHaveLength(before + 1)
      const again = await project.shell(command, place.variables)
      expect(again.code).toBe(1)
      expect(again.stderr).toBe(`Could not settle the run, it is not in review but completed: absent of ${name}\n`)
    })

    it('settles a run with the job that a person found, and nothing more is paid', async () => {
      await runInReview(`found of ${name}`)
      // The person searches the upstream for the job.
      const list = await fetch(`${sandbox.videosApi.baseUrl}/videos`, {
        headers: { authorization: `Bearer ${sandbox.videosApi.apiKey}` },
      })
      const { data } = (await list.json()) as {
        readonly data: readonly { readonly id: string; readonly prompt: string }[]
      }
      const job = data.find(({ prompt }) => prompt === `A cat of found of ${name}`)?.id ?? ''
      const shown = await runs('show', `found of ${name}`, '--json')
      const { commands, run } = JSON.parse(shown.stdout)
      expect(run).toMatchObject({ status: 'needs-review', verdicts: ['operation', 'not-submitted'] })
      const command = commands[0].command as string
      const before = sandbox.requestsTo('videos.create').length
      const settled = await project.shell(`${command.replace('JOB_ID', job)} --json`, place.variables)
      expect(JSON.parse(settled.stdout)).toEqual({
        type: 'settled',
        id: `found of ${name}`,
        verdict: { operation: { id: job } },
        status: 'running',
      })
      const [resumed] = await pipeline.recover()
      expect((await resumed?.result)?.video.id).toBe(job)
      expect(sandbox.requestsTo('videos.create')).toHaveLength(before)
      const { stdout } = await runs('show', `found of ${name}`)
      expect(stdout).toContain(`job         {"id":"${job}"}`)
      expect(stdout).toContain('paid        one job: submission 1 was accepted')
      expect(stdout).toMatch(/^URLs of the video\n {2}resolver {4}http:/m)
    })

    it('refuses to list after a run that the store does not know, or after one of another owner', async () => {
      await pipeline.generate({ prompt: 'A cat' }, { id: `of bob of ${name}`, owner: 'bob' })
      const unknown = await runs('list', '--after', 'no such \u001b[2J run', '--json')
      const message = String.raw`Could not list the runs, the store does not know the run of --after: no such \u001b[2J run; give the id of a listed run`
      expect(unknown).toMatchObject({ code: 1, stderr: `${message}\n` })
      expect(JSON.parse(unknown.stdout)).toMatchObject({ error: { code: 'run-state', message } })
      expect(await runs('list', '--after', `of bob of ${name}`, '--owner', 'ann')).toMatchObject({
        code: 1,
        stdout: '',
        stderr: `Could not list the runs of the owner, the run of --after has another one: of bob of ${name}; give a run of ann\n`,
      })
      expect(await runs('webhooks', '--after', 'run_9')).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(
          /^Could not list the webhooks, no webhook of the run of --after was given up: run_9; give/,
        ),
      })
      // A position, although it is no longer listed.
      await pipeline.remove(`of bob of ${name}`)
      expect((await runs('list', '--after', `of bob of ${name}`)).code).toBe(0)
      const [oldest] = await pipeline.list({ order: 'oldest-first', limit: 1 })
      expect(await runs('list', '--after', String(oldest?.id))).toMatchObject({ code: 0, stdout: 'No runs\n' })
    })

    it('ends when the reader of its output leaves, without a stack', async () => {
      const args = [resolve('dist/cli/main.js'), 'runs', 'list', ...place.flags]
      const env = { ...process.env, ...place.variables }
      const child = spawn(process.execPath, args, { cwd: project.folder, env })
      child.stdout.destroy()
      let errors = ''
      child.stderr.on('data', (bytes: Buffer) => {
        errors += bytes.toString()
      })
      await once(child, 'close')
      expect([child.exitCode, errors]).toEqual([141, ''])
    })

    it('erases, removes and prunes, only with --yes where no terminal can ask', async () => {
      const { result } = pipeline.run({ prompt: 'A secret plan' }, { id: `ended of ${name}` })
      await result
      for (const args of [
        ['erase', `ended of ${name}`],
        ['remove', `ended of ${name}`],
        ['prune', '--ended-before', '0m'],
      ]) {
        const refused = await runs(...args)
        expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--yes is missing') })
      }
      expect((await runs('show', `ended of ${name}`)).stdout).toContain('A secret plan')
      expect(await runs('erase', `ended of ${name}`, '--yes')).toMatchObject({ code: 0 })
      const { stdout: erased } = await runs('show', `ended of ${name}`)
      expect(erased).not.toContain('A secret plan')
      expect(erased).toMatch(/^ {2}erased {6}\d{4}-/m)
      expect(erased).toContain('Request\n  its input was erased\n')
      expect(erased).not.toContain('What to do')
      expect((await runs('list')).stdout).toMatch(
        new RegExp(`ended of ${name} +served by the resolver \\(its input was erased\\)$`, 'm'),
      )
      const { run, commands } = JSON.parse((await runs('show', `ended of ${name}`, '--json')).stdout)
      expect([typeof run.erasedAt, commands]).toEqual(['number', []])
      expect(await runs('remove', `ended of ${name}`, '--yes', '--json')).toMatchObject({
        code: 0,
        stdout: `{"type":"removed","id":"ended of ${name}"}\n`,
      })
      expect(await runs('show', `ended of ${name}`, '--json')).toMatchObject({
        code: 1,
        stderr: `Could not show the run, it was removed, and its state stays until prune: ended of ${name}\n`,
        stdout: expect.stringContaining('"code":"run-state"'),
      })
      const pruned = await runs('prune', '--ended-before', '0m', '--yes', '--json')
      expect(JSON.parse(pruned.stdout)).toMatchObject({ type: 'pruned', count: expect.any(Number) })
      expect(JSON.parse((await runs('list', '--json')).stdout).runs.map(({ id }: { id: string }) => id)).not.toContain(
        `ended of ${name}`,
      )
    })
  })
})

const PIXEL =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
