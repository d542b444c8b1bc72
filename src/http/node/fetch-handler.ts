/**
 * Answers a request in the types of the Fetch standard, as called by Hono, Next.js, Bun, Deno and workers. It may
 * throw if its caller handles errors.
 */
export type FetchHandler = (request: Request) => Response | Promise<Response>
