import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { pino } from 'pino'
import { runCommandLine } from '../../src/cli/main.ts'
import { processContext } from '../../src/cli/context.ts'
import type { DoctorReport } from '../../src/node/control/api.ts'
import { createHandlers } from '../../src/node/control/handlers.ts'
import { ControlServer } from '../../src/node/control/server.ts'
import type { KithNode } from '../../src/node/node.ts'
import type { SupervisedPart } from '../../src/node/supervisor/supervised-part.ts'
import { makePrivateFolder } from '../../src/store/atomic-file.ts'
import { Screen } from '../cli/fake-cli.ts'
import { OpenNodes } from './open-node.ts'
import type { OpenInit } from './open-node.ts'
import { tempFolder } from './temp-folder.ts'

export interface CommandEnd {
  code: number
  out: string
  err: string
}

/** A whole node in this process with its control socket, and `kith` for it as a person would type it. */
export class CheckedNode {
  readonly nodes: OpenNodes
  readonly #name: string
  #node: KithNode | undefined
  #control: SupervisedPart | undefined

  constructor(nodes: OpenNodes, name = 'node') {
    this.nodes = nodes
    this.#name = name
  }

  get node(): KithNode {
    assert.ok(this.#node, 'the node is not started')
    return this.#node
  }

  async start(init: OpenInit = {}): Promise<KithNode> {
    const node = await this.nodes.open(this.#name, init)
    await makePrivateFolder(node.home.workspace)
    this.#node = node
    const log = pino({ level: 'silent' })
    const hooks = { readyAfterMs: () => 1, stop: () => undefined }
    const control = new ControlServer(
      { handlers: createHandlers(node, hooks), log },
      { socket: node.home.socket },
    )
    const [start, stop] = [() => control.start(), () => control.stop()]
    this.#control = node.parts.add({ name: 'control', start, stop })
    await this.#control.start()
    await node.start()
    return node
  }

  async stop(): Promise<void> {
    await this.#control?.stop()
    if (this.#node !== undefined) await this.nodes.stop(this.#node)
    this.#control = undefined
    this.#node = undefined
  }

  /** What its owner does after an edit. */
  async restart(init: OpenInit = {}): Promise<KithNode> {
    await this.stop()
    return await this.start(init)
  }

  /** Runs a command for this node, such as `kith peers list` or `chmod 600 …`, as a hint has it. */
  async type(command: string): Promise<CommandEnd> {
    const [program = '', ...args] = wordsOf(command)
    if (program !== 'kith') {
      const out = execFileSync(program, args, { encoding: 'utf8' })
      return { code: 0, out, err: '' }
    }
    return await this.kith(...args)
  }

  async kith(...args: string[]): Promise<CommandEnd> {
    const argv = ['node', 'kith', '--home', this.node.home.path, ...args]
    const cli = processContext(argv)
    const [stdout, stderr] = [new Screen(), new Screen()]
    Object.assign(cli, { stdout, stderr, env: {} })
    const code = await runCommandLine(cli, argv)
    return { code, out: stdout.text, err: stderr.text }
  }

  /** What `kith doctor` says of one check. */
  async doctor(check: string): Promise<DoctorReport['findings']> {
    const { err, out } = await this.kith('doctor', '--json')
    assert.equal(err, '')
    const report = JSON.parse(out) as DoctorReport
    return report.findings.filter((finding) => finding.check === check)
  }

  /** The worst finding of a check, which has to stand so. */
  async says(check: string, state: 'ok' | 'warn' | 'fail', what?: RegExp): Promise<string> {
    const found = await this.doctor(check)
    const worst =
      found.find((finding) => finding.state === 'fail') ??
      found.find((finding) => finding.state === 'warn') ??
      found[0]
    assert.equal(worst?.state, state, JSON.stringify(found))
    if (what !== undefined) assert.match(worst.what, what)
    if (state !== 'ok') assert.ok(worst.hint, 'a finding that is not well has a remedy')
    return worst.hint ?? ''
  }
}

/** Words of a command, those in single quotes as one. */
function wordsOf(command: string): string[] {
  return Array.from(
    command.matchAll(/'([^']*)'|(\S+)/g),
    ([, quoted, plain]) => quoted ?? plain ?? '',
  )
}

/** Nodes for each test. Call it in `describe`, its result in tests. */
export function checkedNodes(): (name?: string) => CheckedNode {
  const folder = tempFolder()
  let nodes: OpenNodes
  let made: CheckedNode[] = []
  beforeEach(() => {
    nodes = new OpenNodes(folder())
    made = []
  })
  afterEach(async () => {
    for (const node of made) await node.stop()
    await nodes.stopAll()
  })
  return (name) => {
    const node = new CheckedNode(nodes, name)
    made.push(node)
    return node
  }
}
