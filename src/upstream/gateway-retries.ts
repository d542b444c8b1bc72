/** The header of a submission that must not be repeated on its way: LiteLLM's proxy posts one up to three times without it. */
export const NO_GATEWAY_RETRIES = { 'x-litellm-num-retries': '0' } as const
