/**
 * Bundles `src/cli/main.ts` into `dist/cli.js`, and what it imports on demand into `dist/chunks/`. A thread's own file
 * stands there too, beside whatever starts it.
 *
 * From one file libp2p loads in half the time it takes from its many, and a command that needs none
 * of it, such as `kith --version`, reads `cli.js` only.
 */
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))

// What the CommonJS packages inside an ES module still expect to find around them.
const COMMONJS_SCOPE = `import { createRequire as createCommonJsRequire } from 'node:module'
const require = createCommonJsRequire(import.meta.url)
const { filename: __filename, dirname: __dirname } = import.meta`

await rm(new URL('../dist', import.meta.url), { recursive: true, force: true })
await build({
  absWorkingDir: root,
  entryPoints: {
    cli: 'src/cli/main.ts',
    'chunks/backup-worker': 'src/store/backup/backup-worker.ts',
  },
  outdir: 'dist',
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node22.18',
  // Loads a native module from beside its own files.
  external: ['level'],
  banner: { js: COMMONJS_SCOPE },
  // No minifying, so no source maps either: a stack trace names our functions, each file's path
  // stands above its code as a comment, and the maps would weigh more than the code.
  minify: false,
  sourcemap: false,
  logLevel: 'warning',
})
