import { checkOptions, type OptionRules } from '../../../contracts/check-options.js'
import { required, text } from '../../../contracts/option-rules.js'
import type { ApiCredential } from '../../../upstream/secret.js'
import { credential, keyInHeaders } from '../../option-rules.js'
import { serviceRules, type TaskServiceOptions } from '../task-api/service-options.js'

/** Options that the generators of single providers share. */
export interface ProviderGeneratorOptions
  extends Omit<TaskServiceOptions, 'name' | 'baseUrl' | 'apiKey' | 'model' | 'idempotency' | 'settleMs'> {
  /** Name in events, handles and messages. A run is resumed by a generator of the same name. @defaultValue that of the provider */
  readonly name?: string | undefined
  /** Address of the API, as the provider documents it; user name, password and a key in its query are refused. */
  readonly baseUrl: string
  /** Key of the provider, sent only to the origin of `baseUrl`; a function is called before each request. */
  readonly apiKey: ApiCredential
  /** Model for requests that name none, in the provider's own name. */
  readonly model: string
}

const { idempotency: _idempotency, settleMs: _settleMs, ...shared } = serviceRules

/** The rules of the options that the generators of single providers share. */
export const providerRules: OptionRules<ProviderGeneratorOptions> = {
  ...shared,
  name: { problems: shared.name.problems },
  apiKey: required(credential),
  model: required(text('give a model, in the name of the provider')),
}

/**
 * The options of a generator of one provider, with its name.
 * @throws ConfigurationError naming every problem.
 */
export function checkProvider<Options extends Pick<ProviderGeneratorOptions, 'name'>>(
  subject: string,
  given: Options,
  rules: OptionRules<Options>,
  name: string,
  authScheme?: string,
) {
  checkOptions<Options>(subject, given, rules)
  // The key is required; a header of the caller's own, such as that of a proxy, is sent in its place.
  const { apiKey, headers } = given as Partial<ProviderGeneratorOptions>
  const isReplaced = keyInHeaders({ apiKey, headers }, authScheme).length > 0
  const rest: Omit<Options, 'apiKey'> = given
  return { ...rest, name: given.name ?? name, apiKey: isReplaced ? undefined : apiKey }
}

/** The name of a model as a path: `owner/name` keeps its slash. */
export function modelPath(model: string | undefined): string {
  return String(model).split('/').map(encodeURIComponent).join('/')
}
