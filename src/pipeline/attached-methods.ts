/**
 * Makes methods that are called without their object report how to call them.
 * @param throwing - Names of those that throw; the others reject.
 * @param isOwn - Whether a value is an instance of the class.
 * @param how - Name of the object in the message, such as `pipeline`.
 */
export function attachMethods(
  prototype: object,
  {
    throwing,
    isOwn,
    how,
  }: { readonly throwing: readonly string[]; readonly isOwn: (value: unknown) => boolean; readonly how: string },
): void {
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (name === 'constructor' || typeof descriptor.value !== 'function') continue
    const method = descriptor.value as (...given: unknown[]) => unknown
    const attached = {
      [name](this: unknown, ...given: unknown[]): unknown {
        if (isOwn(this)) return method.apply(this, given)
        const error = new TypeError(`Could not call ${name}(): its object is missing; call it as ${how}.${name}(…)`)
        if (throwing.includes(name)) throw error
        return Promise.reject(error)
      },
    }
    Object.defineProperty(prototype, name, { ...descriptor, value: attached[name] })
  }
}
