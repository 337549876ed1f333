import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { ControlClient } from '../../../src/node/control/client.ts'
import { homeOf } from '../../../src/node/home.ts'
import type { Home } from '../../../src/node/home.ts'
import { initNode } from '../../../src/node/offline.ts'
import { openProfile } from '../../../src/node/open-profile.ts'
import type { OpenProfile } from '../../../src/node/open-profile.ts'
import type { PartState } from '../../../src/node/parts.ts'
import { eventually } from '../../helpers/eventually.ts'
import { LogTap } from '../../helpers/log-tap.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { uncaughtErrors } from '../../helpers/uncaught.ts'

describe('a crash of what is around a node', () => {
  const folder = tempFolder()
  const strays = uncaughtErrors()
  let home: Home
  let log: LogTap
  let client: ControlClient
  let profile: OpenProfile

  beforeEach(async () => {
    home = homeOf({ KITH_HOME: folder() }, undefined)
    const listen = ['/ip4/127.0.0.1/tcp/0']
    await initNode(home, { protection: { clear: true }, listen })
    log = new LogTap()
    client = new ControlClient({ socket: home.socket, home: home.path })
    const flags = { 'http.listen': '127.0.0.1:0', 'stop.drain_seconds': 0 }
    profile = await openProfile({ home, env: {}, flags, passphrase: undefined, stdout: log })
    await profile.start({ loop: true })
  })

  afterEach(() => profile.close())

  /** Throws, once, after whoever calls it has gone on. */
  function planted(part: string): () => void {
    let done = false
    return () => {
      if (done) return
      done = true
      setTimeout(() => {
        throw new Error(`planted in ${part}`)
      }, 0)
    }
  }

  function stateOf(name: string): PartState | undefined {
    return profile.node.parts.states().find(({ part }) => part === name)
  }

  /** Resolves when the part has failed of what was planted, and then when it runs again; its siblings do all along. */
  async function fails(part: string): Promise<void> {
    await log.line(({ msg, part: failed }) => msg === 'part failed' && failed === part)
    const others = profile.node.parts.states().filter((state) => state.part !== part)
    assert.deepEqual(
      others.filter(({ state }) => state !== 'running'),
      [],
    )
    await eventually(() => {
      assert.equal(stateOf(part)?.state, 'running')
    })
    assert.equal(stateOf(part)?.restarts, 1)
    assert.deepEqual(strays(), [])
  }

  it('G03: of the control socket leaves the node running, and ends by itself', async () => {
    const { alerts } = profile.node
    const crash = planted('control')
    const list = alerts.list.bind(alerts)
    alerts.list = () => {
      crash()
      return list()
    }
    await client.call('alerts', {})
    await fails('control')
    assert.equal((await client.call('status', {})).id, profile.node.self.id)
  })

  it('G03: of HTTP leaves the node running, and ends by itself', async () => {
    const { health, http } = profile.node
    const crash = planted('http')
    const overall = health.overall.bind(health)
    health.overall = () => {
      crash()
      return overall()
    }
    await fetch(`http://${http.state.listening ?? ''}/health`)
    await fails('http')
    assert.equal((await fetch(`http://${http.state.listening ?? ''}/live`)).status, 200)
  })

  it('G03: of what follows the settings leaves the node running, and ends by itself', async () => {
    const section = profile.node.config.log
    const crash = planted('settings')
    let { level } = section
    Object.defineProperty(section, 'level', {
      get: () => level,
      set: (next: typeof level) => {
        crash()
        level = next
      },
    })
    await writeFile(home.config, 'log: { level: debug }\n', { mode: 0o600 })
    await fails('settings')
    await writeFile(home.config, 'log: { level: warn }\n', { mode: 0o600 })
    await eventually(() => {
      assert.equal(profile.node.config.log.level, 'warn')
    })
  })
})
