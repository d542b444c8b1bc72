/** Answers as long as those of a backend, for servers without one. */
export const MODELS = {
  object: 'list',
  data: [{ id: 'sora-2', object: 'model', created: 1_770_000_000, owned_by: 'bench' }],
}

export function chatAnswer({ model }: { readonly model: string }) {
  const content = 'https://cdn.example/a.mp4'
  return {
    id: 'chatcmpl-0123456789abcdef',
    object: 'chat.completion',
    created: 1_770_000_000,
    model,
    choices: [
      { index: 0, message: { role: 'assistant', content, refusal: null }, logprobs: null, finish_reason: 'stop' },
    ],
    usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
  }
}
