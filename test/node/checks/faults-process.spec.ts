import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pino } from 'pino'
import {
  buildFindings,
  partFindings,
  serviceFindings,
} from '../../../src/node/checks/process-checks.ts'
import { Parts } from '../../../src/node/parts.ts'
import { eventually } from '../../helpers/eventually.ts'
import { liveNodes } from '../../helpers/live-node.ts'
import type { LiveNode } from '../../helpers/live-node.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { kith } from '../../helpers/run-kith.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const run = promisify(execFile)

/*
 * Checks of the process of a node: a real fault makes each fail, and the remedy that it names clears it.
 */
describe('checks of a process', function () {
  this.timeout(60_000)
  const make = liveNodes()
  const folder = tempFolder()
  const path = process.env['PATH']
  afterEach(() => {
    process.env['PATH'] = path
  })

  async function says(node: LiveNode, check: string): Promise<{ state: string; hint?: string }> {
    const { findings } = await node.client.call('doctor', {})
    const found = findings.find((finding) => finding.check === check)
    assert.ok(found)
    return found
  }

  it('F58: settings tells what waits for a restart, and a config that cannot be taken', async () => {
    const node = await make('settings')
    await node.start()
    assert.equal((await says(node, 'settings')).state, 'ok')
    const before = await readFile(node.home.config, 'utf8')
    await writeFile(node.home.config, `${before}lobby: {mode: maybe}\n`)
    await eventually(async () => {
      assert.equal((await says(node, 'settings')).state, 'fail')
    })
    await writeFile(node.home.config, `${before}agent: {engine: builtin, parallel: 3}\n`)
    await eventually(async () => {
      assert.notEqual((await says(node, 'settings')).state, 'fail')
    })
    await node.stop()
    await node.start()
    assert.equal((await says(node, 'settings')).state, 'ok')
    assert.equal((await kith(node, 'stop')).code, 0)
  })

  it('F58: parts fails while one cannot run, until it can', async () => {
    let broken = true
    const clock = new ManualClock()
    const part = {
      name: 'scheduler',
      start: () => {
        if (broken) throw new Error('no room')
      },
    }
    const log = pino({ level: 'silent' })
    const parts = new Parts({ clock, log, random: () => 0.5 }, [part])
    const node = { parts, build: undefined, settings: undefined }
    await parts.start().catch(() => undefined)
    const [failed] = partFindings(node)
    assert.equal(failed?.state, 'fail')
    assert.match(failed.what, /scheduler has failed: no room/)
    broken = false
    await eventually(() => {
      clock.advance(60_000)
      assert.ok(partFindings(node).every(({ state }) => state !== 'fail'))
    })
    await parts.stop(0)
  })

  it('F58: build warns while another one is on the disk than runs, until it runs', () => {
    let onDisk = 'b2'
    const [found] = buildFindings({ build: 'b1' }, () => onDisk)
    assert.equal(found?.state, 'warn')
    assert.match(found.hint ?? '', /^kith daemon restart/)
    assert.equal(buildFindings({ build: onDisk }, () => onDisk)[0]?.state, 'ok')
    onDisk = 'b1'
    assert.equal(buildFindings({ build: 'b1' }, () => onDisk)[0]?.state, 'ok')
  })

  it('F58: open-files warns under a limit of 256, and not under the one that it names', async () => {
    const module = join(import.meta.dirname, '../../../src/node/checks/process-checks.ts')
    const script = `import(${JSON.stringify(module)}).then((m) => console.log(m.openFileFindings()[0].state))`
    const under = async (most: number): Promise<string> => {
      const line = `ulimit -n ${most} && exec "$0" -e "$1"`
      const { stdout } = await run('sh', ['-c', line, process.execPath, script])
      return stdout.trim()
    }
    assert.deepEqual([await under(256), await under(8_192)], ['warn', 'ok'])
  })

  it('F58: service warns of one that nothing starts at boot, until it is enabled', async () => {
    const [units, state, bin] = ['units', 'state', 'bin'].map((name) => join(folder(), name))
    assert.ok(units !== undefined && state !== undefined && bin !== undefined)
    const env = { HOME: folder(), XDG_CONFIG_HOME: units, KITH_HOME: join(folder(), 'home') }
    await mkdir(join(units, 'systemd/user'), { recursive: true })
    const unit = `Environment=KITH_HOME=${env.KITH_HOME}\n`
    await writeFile(join(units, 'systemd/user/kith.service'), unit)
    await mkdir(bin)
    // No test has a systemd of its own: this one knows what is enabled, and no more.
    const systemctl = `#!/bin/sh\ncase "$*" in\n*is-enabled*) cat ${state}; grep -q enabled ${state} ;;\n*enable*) echo enabled > ${state} ;;\nesac\n`
    await writeFile(join(bin, 'systemctl'), systemctl)
    await chmod(join(bin, 'systemctl'), 0o700)
    await writeFile(state, 'disabled\n')
    process.env['PATH'] = `${bin}:${path ?? ''}`
    const [found] = await serviceFindings(env)
    assert.equal(found?.state, 'warn')
    const [program = '', ...args] = found.hint?.split(' ') ?? []
    execFileSync(program, args)
    assert.equal((await serviceFindings(env))[0]?.state, 'ok')
  })
})
