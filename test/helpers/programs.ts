import { fileURLToPath } from 'node:url'

/** Name in the environment under which the folder is in which `test/bundled.ts` has put the programs. */
export const BUILT = 'KITH_TEST_BUILT'

/** The programs of `test/` that start often enough to be bundled. */
export const BUNDLED = {
  'run-node': 'test/helpers/run-node.ts',
  'run-crashing-node': 'test/helpers/run-crashing-node.ts',
  'run-feed': 'test/helpers/run-feed.ts',
  'run-jobs': 'test/crash/run-jobs.ts',
  'acp-agent': 'test/helpers/acp-agent.ts',
  'mcp-server': 'test/helpers/mcp-server.ts',
  'write-until-killed': 'test/helpers/write-until-killed.ts',
} as const

/** Path of what Node is to run for `kith`, or for a program of `test/`: bundled if that was done, or as it stands. */
export function program(name: 'kith' | keyof typeof BUNDLED): string {
  const built = process.env[BUILT]
  if (name === 'kith') return built === undefined ? inTree('bin/kith.js') : `${built}/bin/kith.js`
  return built === undefined ? inTree(BUNDLED[name]) : `${built}/dist/${name}.js`
}

/** Where these keep what they have compiled, so that the next one need not. */
export function compileCache(): string {
  const built = process.env[BUILT]
  return built === undefined ? inTree('node_modules/.cache/kith') : `${built}/cache`
}

function inTree(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url))
}
