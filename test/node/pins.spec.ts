import assert from 'node:assert/strict'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { Byes } from '../../src/node/byes.ts'
import { KeyLogs } from '../../src/node/key-logs.ts'
import { Pins } from '../../src/node/pins.ts'
import type { PeerRow } from '../../src/protocol/pin.ts'
import { Database } from '../../src/store/database.ts'
import { editPeers, peersFile } from '../../src/store/peers-file.ts'
import { keyLogOf } from '../helpers/key-logs.ts'
import { LogTap } from '../helpers/log-tap.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { digestsOf } from '../helpers/stored-pins.ts'
import { peerOf } from '../helpers/stub-pins.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

describe('pins', () => {
  const folder = tempFolder()
  let database: Database
  let clock: ManualClock
  let log: LogTap
  let byes: Byes
  let pins: Pins
  /** Identity and key of the node that is pinned here as bert. */
  let bert: { id: string; key: string; log: Uint8Array[] }

  beforeEach(async () => {
    bert = { ...(await keyLogOf('bert')), key: peerOf('bert').key }
    database = await Database.open(join(folder(), 'store'))
    clock = new ManualClock()
    log = new LogTap()
    pins = make()
  })
  afterEach(async () => {
    await pins.stop()
    await database.close()
  })

  function path(): string {
    return join(folder(), 'peers.yaml')
  }

  function make(): Pins {
    const logger = pino({ level: 'debug', base: null }, log)
    byes = new Byes({ database, alerts: { raise: () => undefined }, clock, log: logger })
    return new Pins({
      source: peersFile(path()),
      keyLogs: new KeyLogs({ database, clock }),
      byes,
      clock,
      log: logger,
    })
  }

  async function start(...peers: PeerRow[]): Promise<void> {
    for (const peer of peers) await editPeers(path(), { op: 'add', peer })
    await pins.start()
  }

  it('are none when there is no file, and none waits', async () => {
    await start()
    assert.deepEqual(pins.peers(), [])
    assert.equal(pins.waiting, false)
  })

  it('are found by name and by id, and not by a key that was never shown', async () => {
    await start({ name: 'bert', id: bert.id })
    assert.equal(pins.byName('bert')?.id, bert.id)
    assert.equal(pins.byId(bert.id)?.pin.name, 'bert')
    assert.equal(pins.byKey(bert.key), undefined)
    assert.equal(pins.waiting, true)
    for (const none of ['carol', bert.id]) assert.equal(pins.byName(none), undefined)
  })

  it('follow the file, and tell of each change', async () => {
    await start({ name: 'bert', id: bert.id })
    let told = 0
    const leave = pins.onChange(() => told++)
    await editPeers(path(), { op: 'rename', name: 'bert', to: 'berta' })
    await log.line(({ msg, peers }) => msg === 'pins in force' && peers === 1, log.mark)
    assert.equal(pins.byName('berta')?.id, bert.id)
    assert.equal(told, 1)
    leave()
    await pins.edit({ op: 'remove', name: 'berta' })
    assert.equal(told, 1)
    assert.deepEqual(pins.peers(), [])
  })

  it('take an edit at once', async () => {
    await start()
    await pins.edit({ op: 'add', peer: { name: 'bert', id: bert.id } })
    assert.equal(pins.byName('bert')?.id, bert.id)
    await assert.rejects(pins.edit({ op: 'remove', name: 'nas' }), { code: 'unknown-peer' })
  })

  describe('when a key log is shown', () => {
    it('know the key from then on, over a restart too', async () => {
      await start({ name: 'bert', id: bert.id })
      const peer = await pins.learn(bert.log, bert.key)
      assert.deepEqual([peer?.id, peer?.key, peer?.frozen], [bert.id, bert.key, false])
      assert.equal(pins.byKey(bert.key)?.pin.name, 'bert')
      assert.equal(pins.waiting, false)
      await pins.stop()
      pins = make()
      await pins.start()
      assert.equal(pins.byKey(bert.key)?.id, bert.id)
    })

    it('put the id in the place of a bare key', async () => {
      await start({ name: 'bert', key: bert.key })
      assert.equal(pins.byName('bert')?.id, undefined)
      assert.equal((await pins.learn(bert.log, bert.key))?.id, bert.id)
      const text = await readFile(path(), 'utf8')
      assert.match(text, new RegExp(`id: ${bert.id}`))
      assert.doesNotMatch(text, /key:/)
    })

    it('tell of it once, and write nothing when it is shown again', async () => {
      await start({ name: 'bert', id: bert.id })
      let told = 0
      pins.onChange(() => told++)
      await pins.learn(bert.log, bert.key)
      assert.equal(told, 1)
      const before = await digestsOf(folder())
      assert.equal((await pins.learn(bert.log, bert.key))?.id, bert.id)
      assert.equal(told, 1)
      assert.deepEqual(await digestsOf(folder()), before)
    })

    it('await a key that a pin names, until its node has shown its log', async () => {
      await start(
        { name: 'bert', key: bert.key },
        { name: 'carol', id: (await keyLogOf('carol')).id },
      )
      assert.equal(pins.awaits(bert.key), true)
      assert.equal(pins.awaits(peerOf('carol').key), false)
      await pins.learn(bert.log, bert.key)
      assert.equal(pins.awaits(bert.key), false)
    })

    for (const order of [
      ['by-id', 'by-key'],
      ['by-key', 'by-id'],
    ]) {
      it(`give it to the pin with its id, where another has its key: ${order.join(', ')}`, async () => {
        const rows: Record<string, PeerRow> = {
          'by-id': { name: 'by-id', id: bert.id },
          'by-key': { name: 'by-key', key: bert.key },
        }
        await start(...order.flatMap((name) => rows[name] ?? []))
        assert.equal((await pins.learn(bert.log, bert.key))?.pin.name, 'by-id')
        assert.equal(pins.byKey(bert.key)?.pin.name, 'by-id')
        assert.equal(pins.byName('by-key')?.id, undefined)
      })
    }

    it('take nothing of a node that is not pinned', async () => {
      const other = await keyLogOf('other')
      await start({ name: 'bert', id: bert.id })
      assert.equal(await pins.learn(other.log, peerOf('other').key), undefined)
      assert.deepEqual(await database.sublevel('key-logs').keys().all(), [])
    })

    it('take nothing from whoever does not hold its key', async () => {
      await start({ name: 'bert', id: bert.id })
      assert.equal(await pins.learn(bert.log, peerOf('other').key), undefined)
      assert.equal(pins.byKey(bert.key), undefined)
      assert.equal(pins.byKey(peerOf('other').key), undefined)
    })

    const invalid: [name: string, events: (good: Uint8Array) => Uint8Array[]][] = [
      ['is empty', () => []],
      ['is no log', () => [Uint8Array.of(0xff)]],
      ['has one event twice', (good) => [good, good]],
      ['is cut short', (good) => [good.subarray(0, -1)]],
      ['has a byte changed', (good) => [good.map((byte, at) => (at === 30 ? byte ^ 1 : byte))]],
    ]
    for (const [name, events] of invalid) {
      it(`take nothing of one that ${name}`, async () => {
        const [good = new Uint8Array()] = bert.log
        await start({ name: 'bert', id: bert.id })
        assert.equal(await pins.learn(events(good), bert.key), undefined)
        assert.equal(pins.waiting, true)
      })
    }
  })

  describe('of a file that cannot be taken', () => {
    it('let no node start', async () => {
      await writeFile(path(), 'peers: nobody\n', { mode: 0o600 })
      await assert.rejects(pins.start(), { code: 'invalid-file' })
      await writeFile(path(), 'version: 1\npeers: []\n')
      await chmod(path(), 0o666)
      await assert.rejects(make().start(), { code: 'unsafe-file' })
    })

    it('stay as they were, and say so until the file can be taken', async () => {
      await start({ name: 'bert', id: bert.id })
      const good = await readFile(path())
      await writeFile(path(), `${good.toString()}  - nonsense\n`)
      await log.line(({ msg }) => msg === 'peers file not taken, last good one kept')
      assert.equal(pins.byName('bert')?.id, bert.id)
      assert.match(pins.problem?.message ?? '', /peers\.yaml:\d+:\d+/)
      await pins.learn(bert.log, bert.key)
      assert.notEqual(pins.problem, undefined, 'a key that was learned changes nothing of that')
      assert.equal(pins.byKey(bert.key)?.id, bert.id)
      const from = log.mark
      await writeFile(path(), good)
      await log.line(({ msg }) => msg === 'pins in force', from)
      assert.equal(pins.problem, undefined)
    })
  })
})
