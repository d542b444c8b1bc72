import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Sandbox } from '../../src/sandbox/sandbox.js'
import { startSandbox } from '../../src/sandbox/start-sandbox.js'

let parent: string
let sandbox: Sandbox

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'sandbox-files-'))
  const directory = join(parent, 'served')
  await mkdir(join(directory, 'deep'), { recursive: true })
  await writeFile(join(directory, 'on disk.mp4'), '0123456789')
  await writeFile(join(directory, 'empty.txt'), '')
  await writeFile(join(directory, 'deep', 'er.webm'), 'deep')
  await writeFile(join(directory, '.hidden.mp4'), 'hidden')
  await writeFile(join(parent, 'secret.txt'), 'secret')
  await symlink(join(parent, 'secret.txt'), join(directory, 'link.txt'))
  sandbox = await startSandbox({ files: { directory } })
})

afterAll(async () => {
  await sandbox.close()
  await rm(parent, { recursive: true })
})

const ask = async (name: string, headers: Record<string, string> = {}) => {
  const response = await fetch(sandbox.files.url(name), { headers })
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() }
}

describe('fileServer', () => {
  it('serves files in memory, with the type of the name or the given one', async () => {
    sandbox.files.put('a b/ü.mp4', Buffer.from('one'))
    sandbox.files.put('b', Buffer.from('two'))
    sandbox.files.put('c.mp4', Buffer.from('three'), 'text/html')
    expect(await ask('a b/ü.mp4')).toEqual({ status: 200, type: 'video/mp4', text: 'one' })
    expect(await ask('b')).toEqual({ status: 200, type: 'application/octet-stream', text: 'two' })
    expect(await ask('c.mp4')).toEqual({ status: 200, type: 'text/html', text: 'three' })
  })

  it('serves a directory, with ranges and a tag that changes with the file', async () => {
    expect(await ask('on disk.mp4')).toEqual({ status: 200, type: 'video/mp4', text: '0123456789' })
    expect(await ask('on disk.mp4', { range: 'bytes=3-5' })).toMatchObject({ status: 206, text: '345' })
    expect(await ask('deep/er.webm')).toEqual({ status: 200, type: 'video/webm', text: 'deep' })
    expect(await ask('empty.txt')).toMatchObject({ status: 200, text: '' })
    const head = await fetch(sandbox.files.url('on disk.mp4'), { method: 'HEAD' })
    expect(head.headers.get('content-length')).toBe('10')
    const etag = head.headers.get('etag') ?? ''
    expect(await ask('on disk.mp4', { range: 'bytes=0-0', 'if-range': etag })).toMatchObject({ status: 206 })
    await writeFile(join(parent, 'served', 'on disk.mp4'), '0123456789!')
    expect(await ask('on disk.mp4', { range: 'bytes=0-0', 'if-range': etag })).toMatchObject({ status: 200 })
    sandbox.files.put('on disk.mp4', Buffer.from('memory'))
    expect(await ask('on disk.mp4')).toMatchObject({ text: 'memory' })
  })

  it.each([
    '/nothing.mp4',
    '/.hidden.mp4',
    '/link.txt',
    '/deep',
    '/deep/',
    '/empty.txt/more',
    '/%2e%2e%2fsecret.txt',
    '/..%5csecret.txt',
    '/%00',
    '/%zz',
    '/',
  ])('has nothing at %s', async (path) => {
    const response = await fetch(`${sandbox.files.baseUrl}${path}`)
    expect([response.status, await response.text()]).toEqual([404, 'Not found'])
  })

  it('refuses any other method', async () => {
    expect((await fetch(sandbox.files.url('b'), { method: 'PUT', body: 'x' })).status).toBe(405)
  })

  it('answers what the disk refuses for another reason with 500', async () => {
    const response = await fetch(sandbox.files.url('x'.repeat(300)))
    expect(response.status).toBe(500)
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining('ENAMETOOLONG') } })
  })
})
