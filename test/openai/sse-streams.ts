import type { ChatCompletionChunk } from '../../src/openai/chat-completion-chunk.js'

/** A chunk with content. */
export function chunk(content: string, finish_reason: 'stop' | null = null): ChatCompletionChunk {
  const choices = [{ index: 0 as const, delta: { content }, finish_reason }]
  return { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'sora-1.0', choices }
}

/** Chunks that come when the test says so, in order, also when it says so before they are read. */
export function pushable() {
  const steps: PromiseWithResolvers<IteratorResult<ChatCompletionChunk>>[] = []
  const calls = { next: 0, return: 0 }
  let told = 0
  const step = (index: number) => {
    steps[index] ??= Promise.withResolvers<IteratorResult<ChatCompletionChunk>>()
    return steps[index]
  }
  const chunks: AsyncIterable<ChatCompletionChunk> = {
    [Symbol.asyncIterator]: () => ({
      next: () => step(calls.next++).promise,
      async return() {
        calls.return += 1
        return { done: true, value: undefined }
      },
    }),
  }
  return {
    chunks,
    calls,
    push: (value: ChatCompletionChunk) => step(told++).resolve({ done: false, value }),
    end: () => step(told++).resolve({ done: true, value: undefined }),
    fail: (error: unknown) => step(told++).reject(error),
  }
}

/** Reads a stream to its end in the background and keeps each frame. */
export function readAll(stream: ReadableStream<Uint8Array>) {
  const frames: string[] = []
  const decoder = new TextDecoder()
  const finished = stream.pipeTo(new WritableStream({ write: (bytes) => void frames.push(decoder.decode(bytes)) }))
  return { frames, finished }
}

/** The frame of a value. */
export function data(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`
}
