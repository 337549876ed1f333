import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { writeFile } from 'node:fs/promises'
import { pino } from 'pino'
import type { KithNode } from '../../../src/node/node.ts'
import { ownerOfUncaught } from '../../../src/node/supervisor/owner.ts'
import { SupervisedPart } from '../../../src/node/supervisor/supervised-part.ts'
import type { PartState } from '../../../src/node/supervisor/supervised-part.ts'
import type { Surroundings } from '../../../src/node/surroundings.ts'
import { pingEnd } from '../../../src/protocol/verbs.ts'
import { eventually } from '../../helpers/eventually.ts'
import { freePort } from '../../helpers/free-port.ts'
import { LogTap } from '../../helpers/log-tap.ts'
import { openNodes } from '../../helpers/open-node.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { uncaughtErrors } from '../../helpers/uncaught.ts'

/** A command that only a person starts. */
const JOB = {
  ...{ name: 'hello', enabled: true, zone: 'UTC', schedule: { kind: 'manual' } },
  target: { kind: 'command', argv: ['/bin/sh', '-c', 'echo hello'], cwd: '/' },
}

/** Runs work as if the part itself did, by the name of the part. */
type Inside = Map<string, (work: () => void) => void>

/** The clock and the files of a node, with a way into each part that uses them. */
function tapped(surroundings: Surroundings, inside: Inside): Surroundings {
  const { clock, jobs, peers } = surroundings
  const note = (): void => {
    const owner = ownerOfUncaught()
    if (owner instanceof SupervisedPart) inside.set(owner.state.part, AsyncLocalStorage.snapshot())
  }
  return {
    ...surroundings,
    clock: {
      ...clock,
      every: (...timer) => {
        note()
        return clock.every(...timer)
      },
      sleep: async (...wait) => {
        note()
        await clock.sleep(...wait)
      },
    },
    jobs: { ...jobs, watch: async (listener) => (note(), await jobs.watch(listener)) },
    peers: { ...peers, watch: async (listener) => (note(), await peers.watch(listener)) },
  }
}

describe('a crash of a part', () => {
  const all = openNodes()
  const folder = tempFolder()
  const strays = uncaughtErrors()
  let inside: Inside
  let log: LogTap
  /** The one whose parts crash, another node of this process, and a peer of both. */
  let node: KithNode
  let sibling: KithNode
  let peer: KithNode

  beforeEach(async () => {
    inside = new Map()
    log = new LogTap()
    // The same one after the mesh has crashed.
    const listen = [`/ip4/127.0.0.1/tcp/${await freePort()}`]
    node = await all().open('node', {
      flags: { listen },
      around: (surroundings) => tapped(surroundings, inside),
      log: pino({ base: null }, log),
    })
    const jobs = JSON.stringify({ version: 1, jobs: [JOB] })
    await writeFile(node.home.jobs, jobs, { mode: 0o600 })
    sibling = await all().open('sibling')
    peer = await all().open('peer')
    for (const one of [node, sibling]) {
      await all().pin({ name: 'peer', id: peer.self.id, allow: ['ping', 'ask'] }, one.config.name)
      await one.start()
      const addresses = one.mesh.addresses()
      const name = one.config.name ?? ''
      await all().pin({ name, id: one.self.id, allow: ['ping'], addresses }, 'peer')
    }
    await peer.start()
    await answers('node')
    await answers('sibling')
  })

  /** Resolves when the node that the peer calls so has answered its ping. */
  async function answers(name: string): Promise<void> {
    const { caller, pins } = peer
    await eventually(async () => {
      const pinned = pins.byName(name)
      assert.ok(pinned !== undefined)
      const nonce = new Uint8Array(16)
      await caller.call(pinned, 'ping', { nonce }, pingEnd, { deadlineMs: 5_000 })
    })
  }

  /** What the node answers to an ask of its owner. */
  async function echoed(text: string): Promise<string> {
    const handle = await node.desk.ask({ peer: 'self', text: `echo ${text}` })
    let answer = ''
    for await (const { body } of handle.read(0)) if (body.kind === 'text') answer += body.text
    return answer
  }

  function stateOf(name: string): PartState {
    const state = node.parts.states().find(({ part }) => part === name)
    assert.ok(state !== undefined)
    return state
  }

  /** A way into the part that makes backups, which has no timer of its own: a backup tells how far it is. */
  async function noteBackup(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const onProgress = (): void => {
      inside.set('backup', AsyncLocalStorage.snapshot())
      resolve(undefined)
    }
    const lock = { passphrase: 'four words of it' }
    node.backups.create({ to: folder(), lock, by: 'self', onProgress }).catch(() => undefined)
    await promise
  }

  /** Has a timer of this part throw, and resolves when the part has failed. */
  async function crash(part: string): Promise<void> {
    if (part === 'backup') await noteBackup()
    const enter = inside.get(part)
    assert.ok(enter !== undefined, `nothing of ${part} waits`)
    const failed = log.line((line) => line.msg === 'part failed' && line['part'] === part)
    enter(() => {
      setTimeout(() => {
        throw new Error(`planted in ${part}`)
      }, 0)
    })
    await failed
  }

  for (const part of ['pins', 'records', 'fleet', 'agent', 'mesh', 'asks', 'backup', 'scheduler']) {
    const others = part === 'mesh' ? 'other profiles' : 'its siblings and other profiles'
    it(`G03: of ${part} leaves ${others} answering pings, and ends by itself`, async () => {
      await crash(part)
      assert.equal(stateOf(part).state, 'failed')
      assert.equal(stateOf(part).failure, `planted in ${part}`)
      const standing = node.parts.states().filter((state) => state.part !== part)
      assert.deepEqual(
        standing.filter(({ state }) => state !== 'running'),
        [],
      )
      await answers('sibling')
      if (part !== 'mesh') await answers('node')
      await eventually(() => {
        assert.equal(stateOf(part).state, 'running')
      })
      assert.equal(stateOf(part).restarts, 1)
      await answers('node')
      const { run } = await node.jobs.scheduler.runNow('hello')
      const ended = await node.jobs.ended(run, AbortSignal.timeout(5_000))
      assert.equal(ended.summary, 'hello')
      assert.equal(await echoed('still here'), 'still here')
      assert.deepEqual(strays(), [])
    })
  }

  it('G03: of the scheduler by a promise that nobody awaits is one of it too', async () => {
    const failed = log.line(({ msg }) => msg === 'part failed')
    inside.get('scheduler')?.(() => {
      void Promise.reject(new Error('planted'))
    })
    assert.equal((await failed)['part'], 'scheduler')
  })

  it('is told as nobody’s when no part has thrown it', async () => {
    setTimeout(() => {
      throw new Error('of nobody')
    }, 0)
    await eventually(() => {
      assert.equal(strays().length, 1)
    })
  })
})
