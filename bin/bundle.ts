import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

// What the CommonJS packages inside an ES module still expect to find around them.
const COMMONJS_SCOPE = `import { createRequire as createCommonJsRequire } from 'node:module'
const require = createCommonJsRequire(import.meta.url)
const { filename: __filename, dirname: __dirname } = import.meta`

/**
 * Bundles `src/cli/main.ts` into `cli.js` in the folder `outdir`, and what it imports on demand into `chunks/` there. A
 * thread's own file stands there too, beside whatever starts it.
 *
 * From one file libp2p loads in half the time it takes from its many, and a command that needs none of it, such as
 * `kith --version`, reads `cli.js` only.
 *
 * @param others further programs that share its chunks, by name in `outdir`
 */
export async function bundle(outdir: string, others: Record<string, string> = {}): Promise<void> {
  await build({
    absWorkingDir: ROOT,
    entryPoints: {
      cli: 'src/cli/main.ts',
      'chunks/backup-worker': 'src/store/backup/backup-worker.ts',
      ...others,
    },
    outdir,
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
  await bundlePage(`${outdir}/chunks/page`)
}

/** Bundles the dashboard into `outdir`, beside the chunk that serves it: one module for browsers, and what it needs. */
export async function bundlePage(outdir: string): Promise<void> {
  const page = 'src/node/http/dashboard/page'
  await build({
    absWorkingDir: ROOT,
    entryPoints: ['app.ts', 'index.html', 'style/*.css', 'icon.svg'].map(
      (file) => `${page}/${file}`,
    ),
    outdir,
    outbase: page,
    loader: { '.html': 'copy', '.css': 'copy', '.svg': 'copy' },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    // Those that know the flag `v` of regular expressions, from 2023 on.
    target: ['chrome112', 'firefox116', 'safari17'],
    logLevel: 'warning',
  })
}
