import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { ControlClient } from '../../src/node/control/client.ts'
import { readDaemonRecord } from '../../src/node/daemon/daemon-record.ts'
import { homeOf } from '../../src/node/home.ts'
import type { Home } from '../../src/node/home.ts'
import { initNode } from '../../src/node/offline.ts'
import type { Protection } from '../../src/store/keystore.ts'
import { compileCache, program } from './programs.ts'
import type { Outcome } from './run-kith.ts'
import { tempFolder } from './temp-folder.ts'

/** A home with profiles, and the daemon that serves them, in processes of their own. */
export class DaemonHome {
  readonly base: string

  constructor(folder: string) {
    this.base = join(folder, 'kith')
  }

  home(profile?: string): Home {
    return homeOf({ KITH_HOME: this.base }, profile)
  }

  client(profile?: string): ControlClient {
    const { path, socket } = this.home(profile)
    return new ControlClient({ socket, home: path })
  }

  /** Makes the node of a profile, which listens on a free port of loopback. */
  async make(profile?: string, protection: Protection = { clear: true }): Promise<void> {
    const listen = ['/ip4/127.0.0.1/tcp/0']
    await initNode(this.home(profile), { protection, name: profile ?? 'base', listen })
  }

  /** What `kith` says and exits with. */
  async kith(
    args: readonly string[],
    init: { input?: string; env?: object } = {},
  ): Promise<Outcome> {
    const env = {
      PATH: process.env['PATH'],
      HOME: this.base,
      KITH_HOME: this.base,
      NODE_COMPILE_CACHE: compileCache(),
      ...init.env,
    }
    const child = spawn(process.execPath, [program('kith'), ...args], { env, stdio: 'pipe' })
    const closed = once(child, 'close') as Promise<[number]>
    child.stdin.on('error', () => undefined)
    child.stdin.end(init.input ?? '')
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed])
    return { code, out, err }
  }

  /** Ends the daemon, if one runs. */
  async end(): Promise<void> {
    if ((await readDaemonRecord(this.base)) !== undefined) await this.kith(['daemon', 'stop'])
  }
}

/** One for each test, whose daemon has ended after it. Call it in `describe`, its result in tests. */
export function daemonHome(): () => DaemonHome {
  let home: DaemonHome
  // Before the folder goes, in which it says which process it is.
  afterEach(() => home.end())
  const folder = tempFolder()
  beforeEach(() => {
    home = new DaemonHome(folder())
  })
  return () => home
}

/** One for all tests of the suite, whose daemon has ended after the last. Call it in `describe`, its result in hooks. */
export function daemonHomeOfAll(): () => DaemonHome {
  let folder = ''
  let home: DaemonHome
  before(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'kith-test-')))
    home = new DaemonHome(folder)
  })
  after(async () => {
    await home.end()
    await rm(folder, { recursive: true, maxRetries: 10 })
  })
  return () => home
}
