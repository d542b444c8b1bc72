import module from 'node:module'

// For Node to run the sources unchanged (`node --import`), which name each other as they will be called when they are built.
function resolve<Resolved>(
  specifier: string,
  context: { readonly parentURL?: string | undefined },
  next: (specifier: string, context: object) => Resolved,
): Resolved {
  const isOurs = specifier.startsWith('.') && !context.parentURL?.includes('/node_modules/')
  return next(isOurs ? specifier.replace(/\.js$/, '.ts') : specifier, context)
}

// Node 22.12 has only hooks in a thread of their own.
if (module.registerHooks !== undefined) module.registerHooks({ resolve })
else module.register(`data:text/javascript,${encodeURIComponent(`export ${resolve}`)}`)
