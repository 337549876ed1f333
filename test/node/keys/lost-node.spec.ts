import assert from 'node:assert/strict'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { homeOf } from '../../../src/node/home.ts'
import type { Home } from '../../../src/node/home.ts'
import { createIdentity, openIdentity } from '../../../src/node/identity.ts'
import { sealKey } from '../../../src/node/keys/key-files.ts'
import { LostNode } from '../../../src/node/keys/lost-node.ts'
import { keyLogFile, keysNamed, readOwnLog } from '../../../src/node/keys/own-log.ts'
import { writePrepared } from '../../../src/node/keys/prepared.ts'
import { retire } from '../../../src/node/keys/retire.ts'
import { judgeKeyLog } from '../../../src/protocol/key-log-judge.ts'
import { seedToWords } from '../../../src/protocol/recovery-words.ts'
import { Database } from '../../../src/store/database.ts'
import { crashingFiles } from '../../helpers/crashing-files.ts'
import {
  CLEAR,
  ROUTINE,
  contentOf,
  keyNames,
  namesInForce,
  rotateHere,
} from '../../helpers/key-homes.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { seedOf } from '../../vectors/seeds.ts'

const HOUR_MS = 3_600_000

describe('a node whose home is gone', () => {
  const folder = tempFolder()
  const { dies } = crashingFiles()
  let home: Home
  /** Its log as a peer holds it. */
  let log: Uint8Array[]
  let file: string
  let id: string
  let words: string

  beforeEach(async () => {
    const old = join(folder(), 'old')
    const at = Date.now() - 200 * HOUR_MS
    const made = await createIdentity(old, CLEAR, at)
    id = made.identity.id
    words = made.recoveryWords.join(' ')
    log = (await rotateHere(old, { ...ROUTINE, at: at + HOUR_MS })).log
    home = homeOf({ KITH_HOME: join(folder(), 'new') }, undefined)
    file = join(folder(), 'exported')
    await writeFile(file, keyLogFile(log))
  })

  async function recover(protection: Parameters<typeof sealKey>[2] = CLEAR): Promise<void> {
    const lost = await LostNode.read(home, file)
    try {
      await lost.call('prepareRecovery', { words, protection })
      await lost.call('commitRecovery', {})
    } finally {
      await lost.close()
    }
  }

  it('is made anew from its log: its peers follow what it has become', async () => {
    const lost = await LostNode.read(home, file)
    assert.deepEqual(await lost.call('checkRecovery', { words }), { id, sn: 2 })
    const { recoveryWords } = await lost.call('prepareRecovery', {
      words,
      protection: { passphrase: 'geheim' },
    })
    await assert.rejects(readOwnLog(home.path), { code: 'no-identity' })
    const report = await lost.call('commitRecovery', {})
    await lost.close()
    const identity = await openIdentity(home.path, 'geheim')
    assert.deepEqual([identity.id, identity.key, report.sn], [id, report.key, 2])
    const held = { events: log, seenAt: log.map(() => 0) }
    assert.equal(judgeKeyLog(held, identity.log, Date.now()).kind, 'grown')
    assert.deepEqual(await keyNames(home.path), await namesInForce(home.path))
    assert.equal(recoveryWords.length, 24)
    assert.notEqual(recoveryWords.join(' '), words)
  })

  it('undoes what a thief did within the window, and its own end', async () => {
    const old = join(folder(), 'old')
    const stolen = (await rotateHere(old, { ...ROUTINE, at: Date.now() - HOUR_MS })).log
    await retire(old, { at: Date.now(), passphrase: undefined })
    const { events } = await readOwnLog(old)
    assert.equal(events.length, 4)
    await writeFile(file, keyLogFile(events))
    await recover()
    const { events: after } = await readOwnLog(home.path)
    assert.deepEqual([after.length, after.slice(0, 2)], [3, log])
    const held = { events: stolen, seenAt: stolen.map(() => Date.now()) }
    assert.equal(judgeKeyLog(held, after, Date.now()).kind, 'recovered')
  })

  it('is proved by its words alone, without a trace', async () => {
    const before = await contentOf(folder())
    const lost = await LostNode.read(home, file)
    await lost.call('checkRecovery', { words })
    const other = seedToWords(seedOf('other')).join(' ')
    for (const route of ['checkRecovery', 'prepareRecovery'] as const) {
      const input = { words: other, protection: CLEAR }
      await assert.rejects(lost.call(route, input), { code: 'wrong-words' })
      await lost.close()
    }
    await rm(home.store, { recursive: true, force: true })
    assert.deepEqual(await contentOf(folder()), before)
  })

  const files: [what: string, content: () => string | Uint8Array][] = [
    ['is none', () => 'log'],
    ['has no event', () => keyLogFile([])],
    ['does not begin with its first event', () => keyLogFile(log.slice(1))],
    [
      'has an event that is not signed',
      () =>
        keyLogFile(
          log.map((event) =>
            event.map((byte, at, { length }) => (at === length - 1 ? byte ^ 1 : byte)),
          ),
        ),
    ],
  ]
  for (const [what, content] of files) {
    it(`is not made from a file that ${what}`, async () => {
      await writeFile(file, content())
      const expected = { code: 'invalid-file', hint: /kith key log NAME --export FILE/ }
      await assert.rejects(LostNode.read(home, file), (err: Error & { hint: string }) => {
        assert.match(err.hint, expected.hint)
        return 'code' in err && err.code === expected.code
      })
    })
  }

  it('is not made from a file that is not there', async () => {
    await assert.rejects(LostNode.read(home, join(folder(), 'none')), { code: 'invalid-file' })
  })

  const taken: [what: string, put: () => Promise<unknown>][] = [
    ['there is a node', () => createIdentity(home.path, CLEAR, Date.now())],
    [
      'there are keys of one',
      async () => {
        await createIdentity(home.path, CLEAR, Date.now())
        await rm(join(home.path, 'identity.json'))
      },
    ],
    [
      'there is a key that its log names',
      async () => {
        await mkdir(home.path, { mode: 0o700 })
        const [name = ''] = await keyNames(join(folder(), 'old'))
        const from = await readFile(join(folder(), 'old', 'keys', name))
        await mkdir(join(home.path, 'keys'), { mode: 0o700 })
        await writeFile(join(home.path, 'keys', name), from, { mode: 0o600 })
      },
    ],
  ]
  it('is not made over the keys of a recovery that its log has, though they look like those of a try', async () => {
    await recover()
    const { events } = await readOwnLog(home.path)
    await writeFile(file, keyLogFile(events))
    const { inUse, rotating } = keysNamed(events)
    const made = [inUse, rotating].flatMap((keys) => keys.slice(-1))
    await writePrepared(home.path, { made, replaced: [] })
    await rm(join(home.path, 'identity.json'))
    const before = await keyNames(home.path)
    const lost = await LostNode.read(home, file)
    await assert.rejects(lost.call('checkRecovery', { words }), { code: 'exists' })
    assert.deepEqual(await keyNames(home.path), before)
  })

  for (const [what, put] of taken) {
    it(`is not made where ${what}, and nothing is changed`, async () => {
      await put()
      const before = await contentOf(home.path)
      const lost = await LostNode.read(home, file)
      await assert.rejects(lost.call('checkRecovery', { words }), { code: 'exists' })
      const init = { words, protection: CLEAR }
      await assert.rejects(lost.call('prepareRecovery', init), { code: 'exists' })
      await lost.close()
      assert.deepEqual(await contentOf(home.path), before)
    })
  }

  it('is made by one at a time', async () => {
    const [one, two] = [await LostNode.read(home, file), await LostNode.read(home, file)]
    await one.call('prepareRecovery', { words, protection: CLEAR })
    const again = two.call('prepareRecovery', { words, protection: CLEAR })
    await assert.rejects(again, { code: 'locked' })
    await one.call('commitRecovery', {})
    await one.close()
    await assert.rejects(two.call('prepareRecovery', { words, protection: CLEAR }), {
      code: 'exists',
    })
    await (await Database.open(home.store)).close()
  })

  it('is whole or not there after a crash at any point, and then made by the same words', async () => {
    for (let changes = 0; ; changes++) {
      await rm(home.path, { recursive: true, force: true })
      const lost = await LostNode.read(home, file)
      const died = await dies(changes, async () => {
        await lost.call('prepareRecovery', { words, protection: CLEAR })
        await lost.call('commitRecovery', {})
      })
      await lost.close()
      const own = await readOwnLog(home.path).catch(() => undefined)
      if (own === undefined) await recover()
      const identity = await openIdentity(home.path, undefined)
      assert.deepEqual([identity.id, identity.log.length], [id, 3], `after ${changes} changes`)
      if (!died) break
      assert.ok(changes < 200)
    }
  })
})
