/** A strategy whose errors are kept as they were thrown, before they became JSON. */
export function spied<Strategy extends object>(strategy: Strategy, thrown: unknown[]): Strategy {
  return new Proxy(strategy, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key)
      if (typeof value !== 'function') return value
      return async (...given: unknown[]) => {
        try {
          return await value.apply(target, given)
        } catch (error) {
          thrown.push(error)
          throw error
        }
      }
    },
  })
}
