import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { pino } from 'pino'
import { Byes } from '../../src/node/byes.ts'
import { homeOf } from '../../src/node/home.ts'
import type { Home } from '../../src/node/home.ts'
import { editJobs } from '../../src/node/offline-jobs.ts'
import { editPeers } from '../../src/node/offline.ts'
import { Database } from '../../src/store/database.ts'
import { readPeers } from '../../src/store/peers-file.ts'
import { begin } from '../helpers/key-branch.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { tempFolder } from '../helpers/temp-folder.ts'
import { idOfBranch, keyOf } from '../helpers/test-pins.ts'

type Edit = Parameters<typeof editPeers>[1]

describe('a change of peers.yaml while no node runs', () => {
  const folder = tempFolder()
  const [bert, carol] = [begin('bert'), begin('carol')]
  const addresses = ['/ip4/192.0.2.1/tcp/7423']
  const added = { op: 'add', peer: { name: 'bert', id: idOfBranch(bert), addresses } } as const
  let home: Home

  beforeEach(() => {
    home = homeOf({ KITH_HOME: folder() }, undefined)
  })

  async function withByes<T>(run: (byes: Byes) => Promise<T>): Promise<T> {
    const database = await Database.open(home.store)
    const alerts = { raise: () => undefined }
    const log = pino({ level: 'silent' })
    const byes = new Byes({ database, alerts, clock: new ManualClock(), log })
    try {
      await byes.start()
      return await run(byes)
    } finally {
      await database.close()
    }
  }

  /** Whether the bye that each of two peers has said holds after this. */
  async function holding(...edits: Edit[]): Promise<boolean[]> {
    await editPeers(home, added)
    await editPeers(home, { op: 'add', peer: { name: 'carol', id: idOfBranch(carol) } })
    const pins = await readPeers(home.peers)
    await withByes(async (byes) => {
      for (const [at, branch] of [bert, carol].entries()) {
        const pin = pins[at]
        assert.ok(pin)
        await byes.take({ id: idOfBranch(branch), pin }, { at: 1, key: keyOf(branch) })
      }
    })
    for (const edit of edits) await editPeers(home, edit)
    return await withByes(async (byes) => {
      byes.review(await readPeers(home.peers), (id) => keyOf(id === added.peer.id ? bert : carol))
      return [bert, carol].map((branch) => byes.since(idOfBranch(branch)) !== undefined)
    })
  }

  const ends: [what: string, edits: Edit[]][] = [
    ['is removed and pinned again', [{ op: 'remove', name: 'bert' }, added]],
    ['is told where to be dialled, as before', [{ op: 'set-addresses', name: 'bert', addresses }]],
  ]
  for (const [what, edits] of ends) {
    it(`ends the bye of a peer that ${what}, and no other`, async () => {
      assert.deepEqual(await holding(...edits), [false, true])
    })
  }

  it('ends no bye when it is about what a peer may do, or what it is called', async () => {
    const edits: Edit[] = [
      { op: 'allow', name: 'bert', grants: ['ask'] },
      { op: 'rename', name: 'bert', to: 'bertha' },
    ]
    assert.deepEqual(await holding(...edits), [true, true])
  })

  it('makes no store, and takes none from a node that starts or stops', async () => {
    await editPeers(home, added)
    assert.equal(existsSync(home.store), false)
    await withByes(async () => {
      assert.deepEqual(await editPeers(home, { op: 'remove', name: 'bert' }), [])
    })
  })

  it('leaves the file, and the store, as they are when it cannot be made', async () => {
    await assert.rejects(holding({ op: 'remove', name: 'dora' }), { code: 'unknown-peer' })
    assert.equal((await readPeers(home.peers)).length, 2)
    await withByes(async (byes) => {
      assert.notEqual(byes.since(idOfBranch(bert)), undefined)
    })
  })
})

describe('a home that is not there', () => {
  const folder = tempFolder()

  it('is made by no edit, so that a mistyped name is told', async () => {
    const home = homeOf({ KITH_HOME: `${folder()}/mistyped` }, undefined)
    const peer = { name: 'bert', id: idOfBranch(begin('bert')) }
    const job = {
      name: 'roof',
      schedule: { kind: 'manual' },
      target: { kind: 'command', argv: ['true'] },
    }
    const refused = { code: 'no-identity', hint: 'kith init' }
    await assert.rejects(editPeers(home, { op: 'add', peer }), refused)
    await assert.rejects(editJobs(home, {}, { op: 'add', job }), refused)
    assert.equal(existsSync(home.path), false)
  })
})
