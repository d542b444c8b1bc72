import type { IncomingMessage, ServerResponse } from 'node:http'
import { PLAY_FAULTS, type PlayFault } from './play-messages.js'

/** What the page shows about its servers. */
export interface PlayState {
  readonly faults: readonly PlayFault[]
  /** How often the server process was started. */
  readonly starts: number
  /** The jobs that the sandbox made for a run. */
  readonly jobsPaid: number
}

interface Controls {
  state(runId: string): PlayState
  setFault(fault: PlayFault, isOn: boolean): void
  kill(): void
}

/**
 * The routes of the switches: `GET /play/state?run=…`, `POST /play/faults/{name}/on` and `/off`, `POST /play/kill`. A POST needs the
 * header `x-sora-pipeline-play`, which a page of another origin cannot send. The function returns whether it answers a request.
 */
export function controlRoutes(controls: Controls): (request: IncomingMessage, response: ServerResponse) => boolean {
  const change = (method: string | undefined, path: string): boolean => {
    if (method !== 'POST') return false
    if (path === '/play/kill') {
      controls.kill()
      return true
    }
    const [, name, position] = /^\/play\/faults\/(\w+)\/(on|off)$/.exec(path) ?? []
    const fault = PLAY_FAULTS.find((known) => known === name)
    if (fault === undefined) return false
    controls.setFault(fault, position === 'on')
    return true
  }

  return ({ method, url = '/', headers }, response) => {
    if (!url.startsWith('/play/')) return false
    const { pathname, searchParams } = new URL(url, 'http://127.0.0.1')
    if (method === 'GET' && pathname === '/play/state') {
      send(response, 200, controls.state(searchParams.get('run') ?? ''))
    } else if (headers['x-sora-pipeline-play'] === undefined) {
      send(response, 403, {
        error: { message: 'Could not use the switch: the header x-sora-pipeline-play is missing' },
      })
    } else if (change(method, pathname)) {
      send(response, 200, controls.state(searchParams.get('run') ?? ''))
    } else {
      const message = `Could not find the switch: ${method} ${pathname.slice(0, 100)} is unknown`
      send(response, 404, { error: { message } })
    }
    return true
  }
}

function send(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(JSON.stringify(value))
}
