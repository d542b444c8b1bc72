import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { redisClient } from '../../src/cli/stores/drivers.js'
import { openStore } from '../../src/cli/stores/open-store.js'
import { isRedisSkipped, startRedis } from '../stores/servers/redis-server.js'
import { freePort } from '../support/free-port.js'

// The two clients of `--store redis://…`, as the real packages, in the folder from which the command is called.

// Only the client of the package redis has it.
const isNodeRedis = (client: unknown) => typeof Object(client).isOpen === 'boolean'

describe.each(['ioredis', 'redis'])('the package %s of the current directory', (name) => {
  let folder: string
  beforeEach(async () => {
    const repository = resolve('node_modules', name)
    folder = await mkdtemp(join(tmpdir(), 'sora-pipeline-redis-client-'))
    await mkdir(join(folder, 'node_modules'))
    await symlink(repository, join(folder, 'node_modules', name))
    vi.spyOn(process, 'cwd').mockReturnValue(folder)
  })
  afterEach(async () => {
    vi.restoreAllMocks()
    await rm(folder, { recursive: true })
  })

  it.skipIf(isRedisSkipped)('opens a store with a password in its address, and closes its connection', async () => {
    const password = 'sEcret-Pa55word'
    const redis = await startRedis({ requirepass: password })
    try {
      const address = `redis://default:${password}@127.0.0.1:${redis.port}/3`
      const { client, close } = await redisClient(address)
      expect(isNodeRedis(client)).toBe(name === 'redis')
      await close()
      const open = await openStore({ address, prefix: 'ours' }, { canCreate: false })
      await open.migrate()
      expect(await open.store.create('run_1', { status: 'running', wakeAt: 1 })).toBe(true)
      expect(await open.store.due(1, 10)).toEqual(['run_1'])
      expect(await open.checkServer()).toEqual([])
      await open.close()
      await expect(open.store.load('run_1')).rejects.toMatchObject({ code: 'run-state' })
      const refused = openStore({ address: address.replace(password, 'wr0ng-Pa55word') }, { canCreate: false })
      const error = await refused.catch((thrown: unknown) => thrown)
      expect(String(error)).toContain('Could not open the store: redis is not reached: WRONGPASS')
      expect(String(error)).not.toContain('wr0ng')
    } finally {
      await redis.close()
    }
  })

  it('names a server that is not there, without its password', async () => {
    const address = `redis://:sEcret-Pa55word@127.0.0.1:${await freePort()}`
    const error = await openStore({ address }, { canCreate: false }).catch((thrown: unknown) => thrown)
    expect(String(error)).toMatch(/Could not open the store: redis is not reached: .*ECONNREFUSED/)
    expect(String(error)).not.toContain('sEcret')
  })
})
