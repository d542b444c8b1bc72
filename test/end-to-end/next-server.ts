import { createServer } from 'node:http'
import { toNodeListener } from 'sora-pipeline/http'
import * as route from '../../examples/http/next-route.ts'
import { visit } from '../../examples/http/visit.ts'

// What Next.js does with the file of a route: it calls the function that is named after the method, with the request and the
// parts of the path.
type Method = 'DELETE' | 'GET' | 'HEAD' | 'OPTIONS' | 'POST'
type RouteFunction = (request: Request, context: { params: Promise<{ path: string[] }> }) => Promise<Response>

const functions: Readonly<Record<Method, RouteFunction>> = route
const { runtime, dynamic, ...methods } = route
if (runtime !== 'nodejs' || dynamic !== 'force-dynamic') throw new Error('The route may be run or cached elsewhere')
if (Object.keys(methods).some((name) => !/^[A-Z]+$/.test(name))) throw new Error('Next.js takes no other exports')

const server = createServer(
  toNodeListener(async (request) => {
    const [, ...path] = new URL(request.url).pathname.split('/').filter(Boolean)
    const answer = Object.hasOwn(functions, request.method) ? functions[request.method as Method] : undefined
    return answer?.(request, { params: Promise.resolve({ path }) }) ?? new Response(null, { status: 405 })
  }),
).listen(0, '127.0.0.1')

await visit(server)
