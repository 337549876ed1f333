import assert from 'node:assert/strict'
import { join } from 'node:path'
import { pino } from 'pino'
import type { AuditEvent } from '../../../src/node/audit/audit-entry.ts'
import { ChangeWatch } from '../../../src/node/changes/change-watch.ts'
import type { OwnFiles } from '../../../src/node/changes/own-files.ts'
import { States } from '../../../src/node/changes/states.ts'
import { validateKeyLog } from '../../../src/protocol/key-log.ts'
import { Database } from '../../../src/store/database.ts'
import { keyLogOf } from '../../helpers/key-logs.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

describe('watch of changes', () => {
  const folder = tempFolder()
  let clock: ManualClock
  let database: Database
  let files: OwnFiles
  let events: AuditEvent[]
  let pinsChanged: () => void
  let state: ReturnType<typeof validateKeyLog>

  beforeEach(async () => {
    clock = new ManualClock()
    database = await Database.open(join(folder(), 'store'))
    files = { config: 'name: a\n' }
    events = []
    state = validateKeyLog((await keyLogOf('alice')).log)
  })
  afterEach(() => database.close())

  function watch(): ChangeWatch {
    return new ChangeWatch({
      ...{ clock, log: pino({ level: 'silent' }), states: new States(database) },
      audit: { record: (event) => events.push(event) },
      pins: {
        onChange: (listener) => {
          pinsChanged = listener
          return () => undefined
        },
      },
      readFiles: () => Promise.resolve({ ...files }),
      self: { state },
    })
  }

  const whats = (): string[] => events.map(({ what }) => what)

  it('F34: tells nothing of the first state, and then each change once', async () => {
    const one = watch()
    await one.start()
    await one.look()
    assert.deepEqual(whats(), [])
    files = { config: 'name: b\n' }
    await one.look()
    await one.look()
    assert.deepEqual(whats(), ['name a → b'])
    await one.stop()
  })

  it('F34: tells of what was changed while the node was off', async () => {
    const one = watch()
    await one.start()
    await one.stop()
    files = { config: 'name: c\n', peers: 'peers: [{name: nas, allow: [ask]}]\n' }
    const two = watch()
    await two.start()
    assert.deepEqual(whats(), ['peer nas was added, and may: ask', 'name a → c'])
    await two.stop()
    assert.equal((await new States(database).last())?.files.peers, files.peers)
  })

  it('looks every 30 seconds, when the pins change, and when it stops', async () => {
    const one = watch()
    await one.start()
    files = { config: 'name: d\n' }
    clock.advance(30_000)
    await one.look()
    files = { config: 'name: e\n' }
    pinsChanged()
    await one.look()
    files = { config: 'name: f\n' }
    await one.stop()
    assert.deepEqual(whats(), ['name a → d', 'name d → e', 'name e → f'])
  })

  it('F34: tells of a key of the node that has changed', async () => {
    const one = watch()
    await one.start()
    await one.stop()
    state = { ...state, sn: 1 }
    const two = watch()
    await two.start()
    assert.deepEqual(events, [
      { kind: 'key', who: 'owner', what: 'this node has another key', details: { sn: 1 } },
    ])
    await two.stop()
  })

  it('goes on where the store does not take it', async () => {
    const one = watch()
    await one.start()
    await database.close()
    files = { config: 'name: z\n' }
    await one.look()
    await one.stop()
    database = await Database.open(join(folder(), 'store'))
    assert.equal((await new States(database).last())?.files.config, 'name: a\n')
  })
})
