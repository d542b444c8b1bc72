/**
 * Answers a request in the types of the Fetch standard, as Hono, Next.js, Bun, Deno and workers call it. It may throw, where
 * its caller answers for it.
 */
export type FetchHandler = (request: Request) => Response | Promise<Response>
