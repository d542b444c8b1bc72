/**
 * Makes methods that are called without their object report how to call them.
 * @param isOwn - Whether a value is an instance of the class.
 * @param how - Name of the object in the message, such as `pipeline`.
 */
export function attachMethods(
  prototype: object,
  methods: Readonly<Record<string, 'throws' | 'rejects'>>,
  { isOwn, how }: { readonly isOwn: (value: unknown) => boolean; readonly how: string },
): void {
  for (const [name, manner] of Object.entries(methods)) {
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name)
    const method = descriptor?.value as ((...given: unknown[]) => unknown) | undefined
    if (method === undefined) continue
    const attached = {
      [name](this: unknown, ...given: unknown[]): unknown {
        if (isOwn(this)) return method.apply(this, given)
        const error = new TypeError(`Could not call ${name}(): its object is missing; call it as ${how}.${name}(…)`)
        if (manner === 'throws') throw error
        return Promise.reject(error)
      },
    }
    Object.defineProperty(prototype, name, { ...descriptor, value: attached[name] })
  }
}
