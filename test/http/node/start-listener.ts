import { createServer } from 'node:http'
import express from 'express'
import type { FetchHandler } from '../../../src/http/node/fetch-handler.js'
import { type NodeListenerOptions, toNodeListener } from '../../../src/http/node/to-node-listener.js'
import { serve } from './serve.js'
import { stubHandler } from './stub-handler.js'

/** A server of `node:http` with a handler, by default a stub, and the errors that it reported. */
export async function startListener(handle?: FetchHandler, options?: NodeListenerOptions) {
  const stub = stubHandler()
  const errors: unknown[] = []
  const listener = toNodeListener(handle ?? stub.handle, { onError: (error) => errors.push(error), ...options })
  const server = createServer(listener)
  return { ...(await serve(server)), server, stub, errors }
}

/** The same in Express, behind other middleware. */
export async function startExpress(...before: readonly express.RequestHandler[]) {
  const stub = stubHandler()
  const errors: unknown[] = []
  const listener = toNodeListener(stub.handle, { onError: (error) => errors.push(error) })
  const served = await serve(createServer(express().use(...before, listener)))
  return { ...served, stub, errors }
}

/** What the `echo` of a stub got. */
export interface Echo {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}
