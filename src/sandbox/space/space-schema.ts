import type { JsonObject } from '../../contracts/json.js'

/** The Gradio version of a Space: 4 without a prefix and with two inputs, 6 with `/gradio_api` and three. */
export type SpaceDialect = 4 | 6

/** The behaviour of a Gradio version. */
export interface SpaceSchema {
  readonly version: string
  /** Prefix of every path but `/config`. */
  readonly prefix: string
  /** Names of the inputs in order; clients may omit one with a default. */
  readonly inputs: readonly { readonly name: string; readonly defaultValue?: string }[]
}

/** The schema of each dialect. */
export const SPACE_SCHEMAS: Readonly<Record<SpaceDialect, SpaceSchema>> = {
  4: { version: '4.44.1', prefix: '', inputs: [{ name: 'file_url' }, { name: 'password' }] },
  6: {
    version: '6.25.0',
    prefix: '/gradio_api',
    inputs: [{ name: 'url' }, { name: 'pwd' }, { name: 'username', defaultValue: '' }],
  },
}

/** The answer of `/config`. */
export function spaceConfig(dialect: SpaceDialect, origin: string): JsonObject {
  const { version, prefix, inputs } = SPACE_SCHEMAS[dialect]
  return {
    version,
    mode: 'blocks',
    protocol: 'sse_v3',
    root: origin,
    ...(prefix !== '' && { api_prefix: prefix }),
    title: 'url2drive',
    space_id: 'sandbox/url2drive',
    dependencies: [
      {
        id: 0,
        api_name: 'upload',
        inputs: inputs.map((_, index) => index),
        outputs: [inputs.length],
        queue: true,
        types: { generator: false, cancel: false },
      },
    ],
  }
}

/** The answer of `/info`. */
export function spaceInfo(dialect: SpaceDialect): JsonObject {
  const parameters = SPACE_SCHEMAS[dialect].inputs.map(({ name, defaultValue }) => ({
    label: name,
    parameter_name: name,
    parameter_has_default: defaultValue !== undefined,
    parameter_default: defaultValue ?? null,
    type: { type: 'string' },
    python_type: { type: 'str', description: '' },
    component: 'Textbox',
    example_input: 'Hello!!',
  }))
  const returns = [{ label: 'result', type: {}, python_type: { type: 'dict', description: '' }, component: 'Json' }]
  return { named_endpoints: { '/upload': { parameters, returns } }, unnamed_endpoints: {} }
}
