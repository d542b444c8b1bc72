import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { beforeAll, describe, expect, it } from 'vitest'

// No container runs here: the files are compared with the program that they start, and the health check is executed.
const FOLDER = 'examples/container'
let dockerfile: string
let kubernetes: string
let program: string
beforeAll(async () => {
  const read = (name: string) => readFile(`${FOLDER}/${name}`, 'utf8')
  ;[dockerfile, kubernetes, program] = await Promise.all([
    read('Dockerfile'),
    read('kubernetes.yaml'),
    read('backend.ts'),
  ])
})

const instructions = (name: string) =>
  [...dockerfile.matchAll(new RegExp(`^${name} (.*)$`, 'gm'))].map(([, rest = '']) => rest)
const one = (text: string, pattern: RegExp): string => {
  const found = [...text.matchAll(new RegExp(pattern, 'gm'))]
  expect(found, String(pattern)).toHaveLength(1)
  return found[0]?.[1] ?? ''
}
const byDefault = (name: string) => one(program, new RegExp(`\\b${name} = '(\\d+)'`))

describe('the Dockerfile', () => {
  it('copies the program and its configuration, and starts it as another user than root', async () => {
    const [ofPackage, own] = instructions('COPY').map((rest) => rest.split(' ').slice(0, -1))
    expect(ofPackage).toEqual(['package.json', 'package-lock.json'])
    const there = await readdir(FOLDER)
    expect(own?.toSorted()).toEqual(there.filter((name) => name.endsWith('.ts')).toSorted())
    expect(instructions('CMD')).toEqual(['["node", "backend.ts"]'])
    expect(instructions('USER')).toEqual(['1000'])
    // Node runs TypeScript without a flag from 22.18 on.
    expect(Number(one(dockerfile, /^FROM node:(\d+)-slim$/m))).toBeGreaterThanOrEqual(24)
    expect(instructions('EXPOSE')).toEqual([byDefault('PORT')])
  })

  it('checks the health of the port that the program listens on', async () => {
    const [check = ''] = instructions('HEALTHCHECK')
    const [command, ...args] = JSON.parse(one(check, /CMD (\[.*\])$/)) as string[]
    expect(command).toBe('node')
    const paths: (string | undefined)[] = []
    let status = 200
    const server = createServer(({ url }, response) => {
      paths.push(url)
      response.writeHead(status).end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const exitCode = async () => {
      const child = execFile(process.execPath, args, { env: { PORT: String(port) } })
      return (await once(child, 'exit'))[0]
    }
    expect(await exitCode()).toBe(0)
    status = 503
    expect(await exitCode()).toBe(1)
    expect(paths).toEqual(['/healthz', '/healthz'])
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
    expect(await exitCode()).toBe(1)
  })
})

describe('the Deployment', () => {
  it('probes the path and the port of the program, for longer than its own limit', () => {
    expect(program).toContain('healthz: true')
    const port = byDefault('PORT')
    expect(one(kubernetes, /containerPort: (\d+)/)).toBe(port)
    expect(one(kubernetes, /httpGet: (\{.*\})/)).toBe(`{ path: /healthz, port: ${port} }`)
    expect(Number(one(kubernetes, /timeoutSeconds: (\d+)/))).toBeGreaterThan(2)
    expect(kubernetes).not.toContain('livenessProbe')
  })

  it('waits for the whole shutdown, and drains for at least one period of the probe', () => {
    const drainSeconds = Number(byDefault('DRAIN_MS')) / 1000
    const graceSeconds = Number(one(program, /graceMs: (\d+_\d+)/).replace('_', '')) / 1000
    const lastSeconds = Number(one(program, /wait\((\d+),/)) / 1000
    const allowed = Number(one(kubernetes, /terminationGracePeriodSeconds: (\d+)/))
    expect(allowed).toBeGreaterThan(drainSeconds + graceSeconds + lastSeconds + 3)
    expect(drainSeconds).toBeGreaterThanOrEqual(Number(one(kubernetes, /periodSeconds: (\d+)/)))
  })

  it('selects its own pods', () => {
    const labels = [...kubernetes.matchAll(/(?:matchLabels|labels): (\{.*\})/g)].map(([, label]) => label)
    expect(labels).toEqual(['{ app: videos }', '{ app: videos }'])
  })
})
