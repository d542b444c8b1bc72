import type { Router } from '../route.js'
import { ark } from './ark.js'
import { dashscope } from './dashscope.js'
import { fal } from './fal.js'
import { gemini } from './gemini.js'
import { minimax } from './minimax.js'
import type { ProviderContext, ProviderFake, SandboxProviderName } from './provider-fake.js'
import { replicate } from './replicate.js'
import { runway } from './runway.js'

/** Where each provider is below the address of their server. */
export const PROVIDER_PATHS: Readonly<Record<SandboxProviderName, string>> = {
  fal: '/fal',
  replicate: '/replicate/v1',
  gemini: '/gemini/v1beta',
  dashscope: '/dashscope/api/v1',
  ark: '/ark/api/v3',
  minimax: '/minimax',
  runway: '/runway/v1',
}

const FAKES: Readonly<Record<SandboxProviderName, ProviderFake>> = {
  fal,
  replicate,
  gemini,
  dashscope,
  ark,
  minimax,
  runway,
}

/** The APIs of all providers, with one key. */
export function providersRouter(context: Omit<ProviderContext, 'base'> & { readonly apiKey: string }): Router {
  return (method, pathname, headers) => {
    for (const [name, { operations, isAllowed, refuse }] of Object.entries(FAKES)) {
      const prefix = PROVIDER_PATHS[name as SandboxProviderName]
      if (!pathname.startsWith(`${prefix}/`)) continue
      const path = decodeURIComponent(pathname.slice(prefix.length))
      const operation = operations.find((one) => one.method === method && one.path.test(path))
      if (operation === undefined) return undefined
      const { endpoint, handle } = operation
      return {
        endpoint,
        refuse: (status, { message }) => refuse(status, message),
        handle(request) {
          if (!isAllowed(headers, context.apiKey)) return refuse(401, 'Invalid API key')
          const [, id = ''] = operation.path.exec(path) ?? []
          return handle({ ...context, request, id, base: `http://${headers.host}${prefix}` })
        },
      }
    }
    return undefined
  }
}
