import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ControlClient } from '../../src/node/control/client.ts'
import type { AskStreamItem, Input, StatusReport } from '../../src/node/control/api.ts'
import { homeOf } from '../../src/node/home.ts'
import type { Home } from '../../src/node/home.ts'
import { initNode } from '../../src/node/offline.ts'
import type { PeerRow } from '../../src/protocol/pin.ts'
import type { AskFinal } from '../../src/protocol/verbs.ts'
import { editPeers } from '../../src/store/peers-file.ts'
import type { Protection } from '../../src/store/keystore.ts'
import { freePort } from './free-port.ts'
import { LogTap } from './log-tap.ts'
import type { LogLine, LogPredicate } from './log-tap.ts'
import { compileCache, program } from './programs.ts'

export interface LiveNodeInit {
  /** @default kept in clear */
  protection?: Protection
  /** @default a free port of 127.0.0.1 */
  address?: string
  /** Puts its rotation key on no disk. */
  rotationKeyOffHost?: true
  /** Further names in the environment of its processes. */
  env?: NodeJS.ProcessEnv
}

/** 24 words each, as they were shown when the node was made. */
interface Words {
  recovery: string
  /** Empty when the rotation key is on the host. */
  rotation: string
}

/** How a process ended, with what it wrote to stderr. */
export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
  stderr: string
}

/** An answer as it came: text joined, events by number, and how it ended. */
export interface Answer {
  text: string
  seqs: number[]
  final: AskFinal
}

/** A node with a home of its own that runs as a process of its own, as often as it is started. */
export class LiveNode {
  readonly name: string
  readonly home: Home
  readonly id: string
  /** Peer id of its first key. */
  readonly key: string
  readonly words: Words
  /** Where it listens. */
  readonly address: string
  readonly client: ControlClient
  /** All that it has logged, over all its starts. */
  readonly log = new LogTap()
  readonly #env: NodeJS.ProcessEnv
  #child: ChildProcess | undefined
  #exit: Promise<Exit> = Promise.resolve({ code: null, signal: null, stderr: '' })

  private constructor(
    home: Home,
    init: Pick<LiveNode, 'name' | 'id' | 'key' | 'words' | 'address'>,
    env: NodeJS.ProcessEnv = {},
  ) {
    this.home = home
    this.name = init.name
    this.id = init.id
    this.key = init.key
    this.words = init.words
    this.address = init.address
    this.#env = env
    this.client = new ControlClient({ socket: home.socket, home: home.path })
  }

  static async make(folder: string, name: string, init: LiveNodeInit = {}): Promise<LiveNode> {
    const home = homeOf({ KITH_HOME: join(folder, name) }, undefined)
    const address = init.address ?? `/ip4/127.0.0.1/tcp/${await freePort()}`
    const { protection = { clear: true }, rotationKeyOffHost } = init
    const made = await initNode(home, {
      protection,
      name,
      listen: [address],
      ...(rotationKeyOffHost === undefined ? {} : { rotationKeyOffHost }),
    })
    const { id, key = '', recoveryWords, rotationWords = [] } = made
    const words = { recovery: recoveryWords.join(' '), rotation: rotationWords.join(' ') }
    return new LiveNode(home, { name, id, key, words, address }, init.env)
  }

  /** What somebody has who has copied its keys and its files, but for the store. It listens elsewhere. */
  async stolen(name: string): Promise<LiveNode> {
    const home = homeOf({ KITH_HOME: join(dirname(this.home.path), name) }, undefined)
    const address = `/ip4/127.0.0.1/tcp/${await freePort()}`
    await mkdir(home.path, { mode: 0o700 })
    for (const part of ['identity.json', 'keys', 'peers.yaml']) {
      await cp(join(this.home.path, part), join(home.path, part), { recursive: true })
    }
    const config = await readFile(this.home.config, 'utf8')
    await writeFile(home.config, config.replace(this.address, address), { mode: 0o600 })
    const { id, key, words } = this
    return new LiveNode(home, { name, id, key, words, address })
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** Begins a process, which may or may not become ready. */
  launch(passphrase?: string): Promise<Exit> {
    return this.#spawn([program('run-node'), ...(passphrase === undefined ? [] : [passphrase])])
  }

  #spawn(args: string[]): Promise<Exit> {
    const env = {
      PATH: process.env['PATH'],
      KITH_HOME: this.home.path,
      KITH_LOG_LEVEL: 'debug',
      NODE_COMPILE_CACHE: compileCache(),
      ...this.#env,
    }
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      this.log.write(chunk)
    })
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk
    })
    this.#exit = once(child, 'close').then(([code, signal]) => {
      // One that ended by command may be followed by the next before its end is heard of.
      if (this.#child === child) this.#child = undefined
      return { code: code as number | null, signal: signal as NodeJS.Signals | null, stderr }
    })
    return this.#exit
  }

  /** Resolves when it listens. */
  async start(passphrase?: string): Promise<void> {
    await this.#ready(() => this.launch(passphrase))
  }

  /** Resolves when it listens. It kills itself at a point that `run-crashing-node.ts` knows. */
  async startUntil(point: string): Promise<void> {
    await this.#ready(() => this.#spawn([program('run-crashing-node'), point]))
  }

  async #ready(launch: () => Promise<Exit>): Promise<void> {
    const from = this.log.mark
    const died = launch().then(({ code, signal, stderr }) => {
      throw new Error(`${this.name} ended (${code ?? signal ?? ''}) before it was ready: ${stderr}`)
    })
    await Promise.race([this.logLine(({ msg }) => msg === 'ready', from), died])
  }

  /** Sends a signal. Resolves with how the process ended. */
  async end(signal: NodeJS.Signals): Promise<Exit> {
    this.#child?.kill(signal)
    return await this.#exit
  }

  async stop(): Promise<Exit> {
    return await this.end('SIGTERM')
  }

  async kill(): Promise<Exit> {
    return await this.end('SIGKILL')
  }

  /** Resolves when the process has ended, by whatever. */
  async ended(): Promise<Exit> {
    return await this.#exit
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** Writes a pin of `other` to peers.yaml, running or not. */
  async pin(other: LiveNode, row: Partial<PeerRow> = {}): Promise<void> {
    const peer = { name: other.name, id: other.id, addresses: [other.address], ...row }
    await editPeers(this.home.peers, { op: 'add', peer })
  }

  /** A line of the log since `from`, once it is there. */
  async logLine(predicate: LogPredicate, from = 0): Promise<LogLine> {
    return await this.log.line(predicate, from)
  }

  /** Resolves when a link to `other` comes up, or has come up since `from`. */
  async linkedTo(other: LiveNode, from = 0): Promise<void> {
    await this.logLine(({ msg, peer }) => msg === 'peer connected' && peer === other.id, from)
  }

  async status(): Promise<StatusReport> {
    return await this.client.call('status', {})
  }

  /** Sends an ask; its id. */
  async submit(
    peer: LiveNode | 'self',
    text: string,
    options: Omit<Input<'ask'>, 'peer' | 'text'> = {},
  ): Promise<string> {
    const name = peer === 'self' ? peer : peer.name
    return (await this.client.call('ask', { peer: name, text, ...options })).ask
  }

  /** The answer to an ask, whole. `onText` hears of each piece as it comes. */
  async answer(ask: string, after = 0, onText?: (text: string) => void): Promise<Answer> {
    const seqs: number[] = []
    let text = ''
    for await (const item of this.client.askEvents({ ask, after })) {
      if (item.type === 'final') return { text, seqs, final: item.final }
      seqs.push(item.seq)
      const piece = textOf(item)
      text += piece
      onText?.(piece)
    }
    throw new Error(`the stream of ${ask} ended without a final`)
  }

  /** Asks, and resolves with the whole answer. */
  async ask(
    peer: LiveNode | 'self',
    text: string,
    options: Omit<Input<'ask'>, 'peer' | 'text'> = {},
  ): Promise<Answer> {
    return await this.answer(await this.submit(peer, text, options))
  }
}

function textOf(item: AskStreamItem): string {
  const text = item.type === 'event' ? item.body['text'] : undefined
  return typeof text === 'string' ? text : ''
}

/**
 * Nodes in a folder of the suite's own; after it, none of them runs and the folder is gone. Call it in `describe`,
 * its result in hooks and tests.
 */
export function liveNodes(): (name: string, init?: LiveNodeInit) => Promise<LiveNode> {
  let folder = ''
  const nodes: LiveNode[] = []
  before(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'kith-live-')))
  })
  after(async () => {
    await Promise.all(nodes.map((node) => node.kill()))
    await rm(folder, { recursive: true })
  })
  return async (name, init) => {
    const node = await LiveNode.make(folder, name, init)
    nodes.push(node)
    return node
  }
}

/** Two nodes with a link: alice has pinned bob where it listens; bob has pinned alice like `pin`, and cannot dial it. */
export async function linkedPair(
  make: ReturnType<typeof liveNodes>,
  pin: Parameters<LiveNode['pin']>[1],
): Promise<{ alice: LiveNode; bob: LiveNode }> {
  const [alice, bob] = [await make('alice'), await make('bob')]
  await alice.pin(bob)
  await bob.pin(alice, { ...pin, addresses: [] })
  await bob.start()
  await alice.start()
  await Promise.all([alice.linkedTo(bob), bob.linkedTo(alice)])
  return { alice, bob }
}
