import { registerHooks } from 'node:module'

/** Writes the names of the packages that were loaded to stderr when the process ends. */

const packages = new Set<string>()
registerHooks({
  load(url, context, next) {
    const name = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1]
    if (name !== undefined) packages.add(name)
    return next(url, context)
  },
})
process.on('exit', () => {
  process.stderr.write([...packages].sort().join('\n'))
})
