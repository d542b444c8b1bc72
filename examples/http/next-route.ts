// The file app/v1/[...path]/route.ts of a Next.js app: an OpenAI-compatible backend without an adapter.
import { handler } from './backend.ts' // Where your app makes its pipeline, such as '@/lib/backend'.

export const runtime = 'nodejs'
export const dynamic = 'force-dynamic'

export { handler as DELETE, handler as GET, handler as HEAD, handler as OPTIONS, handler as POST }
