import assert from 'node:assert/strict'
import { readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createIdentity, readIdentity } from '../../../src/node/identity.ts'
import { keptNodes } from '../../../src/node/keys/kept-files.ts'
import {
  endorseKept,
  keepRotationKey,
  keepsRotationKey,
  settleKept,
} from '../../../src/node/keys/kept.ts'
import { commitRotation, prepareRotation } from '../../../src/node/keys/rotate.ts'
import { settleKeys } from '../../../src/node/keys/superseded.ts'
import type { RotationDraft } from '../../../src/protocol/key-log-create.ts'
import { validateKeyLog } from '../../../src/protocol/key-log.ts'
import { seedToWords, wordsToSeed } from '../../../src/protocol/recovery-words.ts'
import { NOW } from '../../helpers/ask-calls.ts'
import { CLEAR, ROUTINE, contentOf } from '../../helpers/key-homes.ts'
import { filesWith } from '../../helpers/search-secret.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { seedOf } from '../../vectors/seeds.ts'

describe('a rotation key that is kept for another node', () => {
  const folder = tempFolder()
  let server: string
  let home: string
  let kept: string
  let id: string
  let words: string

  beforeEach(async () => {
    server = join(folder(), 'server')
    home = join(folder(), 'laptop')
    await createIdentity(home, CLEAR, NOW)
    const made = await createIdentity(server, CLEAR, NOW, { rotationKeyOffHost: true })
    id = made.identity.id
    kept = join(home, 'keys', 'kept', id)
    words = made.rotationWords?.join(' ') ?? ''
  })

  const stateOf = async () => validateKeyLog((await readIdentity(server)).log)

  const draft = async (): Promise<RotationDraft> => (await prepareRotation(server, ROUTINE)).draft

  const endorse = async (wanted: RotationDraft, passphrase?: string) =>
    await endorseKept(home, wanted, { state: await stateOf(), passphrase })

  async function rotate(): Promise<void> {
    await commitRotation(server, await endorse(await draft()), undefined)
    await settleKept(home, (await readIdentity(server)).log)
  }

  it('rotates it, and its successor does, and each is gone once it has', async () => {
    await keepRotationKey(home, await stateOf(), words, CLEAR)
    assert.deepEqual(await keptNodes(home), [id])
    for (let sn = 1; sn <= 3; sn++) {
      assert.equal(await keepsRotationKey(home, await stateOf()), true)
      await rotate()
      assert.equal((await stateOf()).sn, sn)
      assert.equal((await readdir(kept)).length, 1)
    }
    assert.deepEqual(await filesWith(home, wordsToSeed(words)), [])
    assert.deepEqual(await filesWith(server, wordsToSeed(words)), [])
  })

  it('lies in files of our own user alone, sealed as was said', async () => {
    await keepRotationKey(home, await stateOf(), words, { passphrase: 'swordfish' })
    const wanted = await draft()
    for (const wrong of ['Swordfish', undefined]) {
      await assert.rejects(endorse(wanted, wrong), { code: 'passphrase' })
    }
    assert.deepEqual(await endorse(wanted, 'swordfish'), await endorse(wanted, 'swordfish'))
    for (const [path, text] of Object.entries(await contentOf(kept))) {
      assert.equal((await stat(path)).mode & 0o777, 0o600)
      if (path.endsWith('.json')) assert.match(text, /"kind": "scrypt"/)
    }
    assert.equal((await stat(kept)).mode & 0o777, 0o700)
    assert.equal((await stat(join(home, 'keys', 'kept'))).mode & 0o777, 0o700)
  })

  it('is kept twice as well as once', async () => {
    await keepRotationKey(home, await stateOf(), words, CLEAR)
    const before = await contentOf(home)
    await keepRotationKey(home, { id }, words, CLEAR)
    assert.deepEqual(await contentOf(home), before)
    const [path = ''] = Object.keys(await contentOf(kept))
    await writeFile(path, '{}')
    await assert.rejects(keepRotationKey(home, { id }, words, CLEAR), { code: 'corrupt' })
  })

  it('endorses the same draft the same way each time, and another one with the same next key', async () => {
    await keepRotationKey(home, await stateOf(), words, CLEAR)
    const first = await draft()
    const endorsed = await endorse(first)
    assert.deepEqual(await endorse(first), endorsed)
    const files = await readdir(kept)
    assert.equal(files.length, 3)
    const second = await draft()
    assert.notDeepEqual(await endorse(second), endorsed)
    assert.deepEqual(await endorse(first), endorsed)
    assert.deepEqual(await readdir(kept), files)
    await commitRotation(server, await endorse(second), undefined)
    await settleKept(home, (await readIdentity(server)).log)
    assert.equal(await keepsRotationKey(home, await stateOf()), true)
    assert.equal((await readdir(kept)).length, 1)
  })

  it('endorses the same way when it is asked twice at once', async () => {
    await keepRotationKey(home, await stateOf(), words, CLEAR)
    const wanted = await draft()
    const [one, other] = await Promise.all([endorse(wanted), endorse(wanted)])
    assert.deepEqual(one, other)
    assert.equal((await readdir(kept)).length, 3)
  })

  it('stays until the log has the rotation', async () => {
    await keepRotationKey(home, await stateOf(), words, CLEAR)
    const wanted = await draft()
    await endorse(wanted)
    const before = await contentOf(home)
    await settleKept(home, (await readIdentity(server)).log)
    await settleKeys(home, NOW)
    assert.deepEqual(await contentOf(home), before)
  })

  it('is dropped with its successor when another one has rotated', async () => {
    await keepRotationKey(home, await stateOf(), words, CLEAR)
    const elsewhere = join(folder(), 'phone')
    await keepRotationKey(elsewhere, await stateOf(), words, CLEAR)
    const wanted = await draft()
    await endorse(wanted)
    const endorsed = await endorseKept(elsewhere, wanted, {
      state: await stateOf(),
      passphrase: undefined,
    })
    await commitRotation(server, endorsed, undefined)
    await settleKept(home, (await readIdentity(server)).log)
    assert.deepEqual(await readdir(kept), [])
    assert.equal(await keepsRotationKey(home, await stateOf()), false)
  })

  it('is refused when the words are not those of its log', async () => {
    const other = seedToWords(seedOf('other')).join(' ')
    await assert.rejects(keepRotationKey(home, await stateOf(), other, CLEAR), {
      code: 'wrong-words',
    })
    await assert.rejects(keepRotationKey(home, { id }, 'word', CLEAR), { code: 'usage' })
    assert.deepEqual(await keptNodes(home), [])
  })

  it('is refused for what is no node id', async () => {
    await assert.rejects(keepRotationKey(home, { id: '../..' }, words, CLEAR), { code: 'usage' })
  })

  it('endorses nothing when it is not the one that the log wants', async () => {
    const wanted = await draft()
    const expected = { code: 'key-not-kept', details: { node: id } }
    await assert.rejects(endorse(wanted), expected)
    await keepRotationKey(home, { id }, seedToWords(seedOf('other')).join(' '), CLEAR)
    await assert.rejects(endorse(wanted), expected)
  })

  it('endorses no draft that does not follow the log held', async () => {
    await keepRotationKey(home, await stateOf(), words, CLEAR)
    const wanted = await draft()
    const other = await readIdentity(home)
    for (const changed of [
      { ...wanted, sn: 2 },
      { ...wanted, p: new Uint8Array(32) },
      { ...wanted, id: other.id },
    ]) {
      await assert.rejects(endorse(changed), { code: 'rotation-outdated' })
    }
    await commitRotation(server, await endorse(wanted), undefined)
    await assert.rejects(endorse(wanted), { code: 'rotation-outdated' })
  })

  it('endorses nothing when the key that it has named as the next one is gone', async () => {
    await keepRotationKey(home, await stateOf(), words, CLEAR)
    const [first] = await readdir(kept)
    const wanted = await draft()
    await endorse(wanted)
    const [next = ''] = (await readdir(kept)).filter((n) => n !== first && n.endsWith('.json'))
    await rm(join(kept, next))
    await assert.rejects(endorse(wanted), { code: 'corrupt', details: { what: join(kept, next) } })
  })
})
