import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The program of a stock agent that speaks the Agent Client Protocol. It is large, and not among our packages. */
export const OPENCODE =
  process.env['KITH_TEST_OPENCODE'] ??
  fileURLToPath(new URL('../../node_modules/.bin/opencode', import.meta.url))

/** Skips a suite where there is no opencode, and says so. Call it in a `before`. */
export function needsOpencode(this: Mocha.Context): void {
  if (existsSync(OPENCODE)) return
  process.stdout.write(`    SKIPPED: there is no opencode at ${OPENCODE}; set KITH_TEST_OPENCODE\n`)
  this.skip()
}

/** The variables of an opencode with this config that has a home of its own in `folder`, and looks for no news. */
export async function opencodeEnv(
  folder: string,
  config: object,
): Promise<Record<'HOME' | 'OPENCODE_CONFIG', string> & Record<string, string>> {
  const home = join(folder, 'home')
  const path = join(home, 'opencode.json')
  await mkdir(home)
  await writeFile(path, JSON.stringify(config))
  return {
    HOME: home,
    OPENCODE_CONFIG: path,
    OPENCODE_DISABLE_AUTOUPDATE: '1',
    OPENCODE_DISABLE_MODELS_FETCH: '1',
    OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
  }
}
