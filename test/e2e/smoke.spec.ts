import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { SMOKES } from '../../src/cli/commands/smoke.ts'
import { stepsOf, SUITES } from '../../src/cli/smoke/suites.ts'
import { compileCache, program } from '../helpers/programs.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

interface Step {
  step: string
  ok: boolean
  says: string
}

/** A machine with loopback and no other network: its own name space, where there can be one. */
const OFFLINE = ['unshare', '-rn', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']
const hasNamespaces = spawnSync('unshare', ['-rn', 'ip', 'link', 'set', 'lo', 'up']).status === 0

describe('kith smoke', function () {
  this.timeout(120_000)
  const folder = tempFolder()

  async function smoke(
    what: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): Promise<{ code: number; steps: Step[]; tookMs: number }> {
    const begun = performance.now()
    const line = [process.execPath, program('kith'), 'smoke', ...what, '--json']
    const [file = '', ...args] = hasNamespaces ? [...OFFLINE, ...line] : line
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        HOME: folder(),
        NODE_COMPILE_CACHE: compileCache(),
        ...env,
      },
    })
    const [out, [code]] = await Promise.all([
      text(child.stdout),
      once(child, 'close') as Promise<[number]>,
    ])
    const lines = out.trim().split('\n')
    const steps = lines.map((line) => JSON.parse(line) as Step)
    return { code, steps, tookMs: performance.now() - begun }
  }

  it('F60: passes on a clean install without network or key, and leaves nothing', async () => {
    if (!hasNamespaces)
      process.stderr.write('    NOTE: with a network, as there is no name space\n')
    const before = stages()
    const { code, steps } = await smoke(['all'])
    assert.deepEqual(
      steps.filter(({ ok }) => !ok),
      [],
    )
    assert.equal(code, 0)
    assert.deepEqual(
      steps.map(({ step }) => step),
      stepsOf(SUITES.map(({ name }) => name)).map(({ name }) => name),
    )
    assert.deepEqual(readdirSync(folder()), [])
    assert.deepEqual(stages(), before)
  })

  it('F60: fails when a verb is broken, and says at which step', async () => {
    const plant = join(folder(), 'plant.mjs')
    await writeFile(
      plant,
      `import { registerHooks } from 'node:module'
       registerHooks({ load: (url, context, next) => {
         const loaded = next(url, context)
         const source = String(loaded.source)
         if (!source.includes('nonce: body.nonce')) return loaded
         return { ...loaded, source: source.replace('nonce: body.nonce', 'nonce: body.nonce + 1') }
       } })`,
    )
    const env = { NODE_OPTIONS: `--import ${plant}` }
    const { code, steps } = await smoke(['mesh'], env)
    assert.equal(code, 1)
    const failed = steps.filter(({ ok }) => !ok)
    assert.deepEqual(
      failed.map(({ step }) => step),
      ['mesh/ping'],
    )
  })

  it('F60: runs one part with what it needs, and knows every part', () => {
    assert.deepEqual(SMOKES, ['all', ...SUITES.map(({ name }) => name)])
    const parts = (name: string): string[] => [
      ...new Set(stepsOf([name]).map((step) => step.name.split('/')[0] ?? '')),
    ]
    assert.deepEqual(parts('ask'), ['identity', 'mesh', 'ask', 'stop'])
    assert.deepEqual(parts('jobs'), ['identity', 'jobs', 'stop'])
  })
})

/** Folders of throwaway nodes that are there. */
function stages(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('kith-demo-'))
}
