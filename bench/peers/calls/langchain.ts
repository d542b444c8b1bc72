import { RunnableLambda } from '@langchain/core/runnables'
import { type CallCount, costOfCalls } from '../../calls/cost-of-calls.ts'

/** LangChain's fallbacks over functions of one line. */
export function measure(count: CallCount) {
  const works = () => RunnableLambda.from<string, string>(async () => 'https://cdn.example/a.mp4')
  const error = new Error('bench')
  const fails = RunnableLambda.from<string, string>(async () => {
    throw error
  })
  const plain = works().withFallbacks([works()])
  const failing = fails.withFallbacks([works()])
  return costOfCalls(
    { fallback: () => plain.invoke('gen_1'), 'fallback whose first fails': () => failing.invoke('gen_1') },
    count,
  )
}
