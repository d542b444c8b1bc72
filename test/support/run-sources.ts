import { registerHooks } from 'node:module'

// For Node to run the sources unchanged (`node --import`), which name each other as they will be called when they are built.
registerHooks({
  resolve(specifier, context, next) {
    const isOurs = specifier.startsWith('.') && !context.parentURL?.includes('/node_modules/')
    return next(isOurs ? specifier.replace(/\.js$/, '.ts') : specifier, context)
  },
})
