import assert from 'node:assert/strict'
import { chmod, copyFile, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { createIdentity, openIdentity, readIdentity } from '../../src/node/identity.ts'
import { publicKeyOf } from '../../src/protocol/ed25519.ts'
import { validateKeyLog } from '../../src/protocol/key-log.ts'
import { fingerprintWords, isNodeId } from '../../src/protocol/node-id.ts'
import { peerIdOf } from '../../src/protocol/peer-id.ts'
import { wordsToSeed } from '../../src/protocol/recovery-words.ts'
import { sha256 } from '../../src/protocol/sha256.ts'
import { openSecret } from '../../src/store/keystore.ts'
import { NOW } from '../helpers/ask-calls.ts'
import { keyInUsePath, rotationKeyPath } from '../helpers/key-paths.ts'
import { filesWith } from '../helpers/search-secret.ts'
import { tempFolder } from '../helpers/temp-folder.ts'
import { hex } from '../vectors/seeds.ts'

const CLEAR = { clear: true } as const

describe('identity', () => {
  const folder = tempFolder()
  let home: string

  beforeEach(() => {
    home = join(folder(), 'home')
  })

  it('is made with a key in force, another one to follow, and a third that is kept nowhere', async () => {
    const { identity, recoveryWords } = await createIdentity(home, CLEAR, NOW)
    const current = await openSecret(await keyInUsePath(home))
    const rotating = await openSecret(await rotationKeyPath(home))
    assert.ok(current !== undefined && rotating !== undefined)
    const state = validateKeyLog(identity.log)
    assert.equal(state.id, identity.id)
    assert.deepEqual(state.keyInForce, publicKeyOf(current.secret))
    assert.deepEqual(state.nextCommitment, sha256(publicKeyOf(rotating.secret)))
    assert.equal(recoveryWords.length, 24)
    const recovery = wordsToSeed(recoveryWords.join(' '))
    assert.deepEqual(state.recoveryCommitment, sha256(publicKeyOf(recovery)))
    assert.deepEqual(await filesWith(home, recovery), [])
    assert.deepEqual(await filesWith(home, rotating.secret), [await rotationKeyPath(home)])
  })

  for (const protection of [CLEAR, { passphrase: 'swordfish' }]) {
    const how = 'clear' in protection ? 'in the clear' : 'sealed'
    it(`is made with its rotation key off the host and on no disk, ${how}`, async () => {
      const made = await createIdentity(home, protection, NOW, { rotationKeyOffHost: true })
      assert.equal(made.rotationWords?.length, 24)
      const rotating = wordsToSeed(made.rotationWords.join(' '))
      const { nextCommitment } = validateKeyLog(made.identity.log)
      assert.deepEqual(nextCommitment, sha256(publicKeyOf(rotating)))
      assert.deepEqual(await filesWith(home, rotating), [])
      assert.deepEqual(await readdir(join(home, 'keys')), [basename(await keyInUsePath(home))])
      const { id } = await openIdentity(home, 'swordfish')
      assert.equal(id, made.identity.id)
    })
  }

  it('is read without a secret, and opened with it', async () => {
    const { identity } = await createIdentity(home, CLEAR, NOW)
    assert.ok(isNodeId(identity.id))
    assert.deepEqual(identity.words, fingerprintWords(identity.id))
    assert.deepEqual(await readIdentity(home), identity)
    const { secret, ...known } = await openIdentity(home, undefined)
    assert.deepEqual(known, identity)
    assert.equal(peerIdOf(publicKeyOf(secret)), identity.key)
  })

  it('is another one each time', async () => {
    const first = await createIdentity(join(home, 'a'), CLEAR, NOW)
    const second = await createIdentity(join(home, 'b'), CLEAR, NOW)
    assert.notEqual(first.identity.id, second.identity.id)
    assert.notDeepEqual(first.recoveryWords, second.recoveryWords)
  })

  it('lies in files of our own user alone', async () => {
    await createIdentity(home, CLEAR, NOW)
    const entries = await readdir(home, { recursive: true, withFileTypes: true })
    const keys = [await keyInUsePath(home), await rotationKeyPath(home)].map((key) => basename(key))
    assert.deepEqual(
      entries.map(({ name }) => name).sort(),
      [...keys, 'identity.json', 'keys'].sort(),
    )
    for (const entry of entries) {
      const { mode } = await stat(join(entry.parentPath, entry.name))
      assert.equal(mode & 0o777, entry.isDirectory() ? 0o700 : 0o600, entry.name)
    }
    assert.equal((await stat(home)).mode & 0o777, 0o700)
  })

  it('is there no identity, says what makes one', async () => {
    const expected = { code: 'no-identity', details: { home }, hint: 'kith init' }
    await assert.rejects(readIdentity(home), expected)
    await assert.rejects(openIdentity(home, undefined), expected)
  })

  it('is never made a second time, and the first stays', async () => {
    const { identity } = await createIdentity(home, CLEAR, NOW)
    await assert.rejects(createIdentity(home, CLEAR, NOW), { code: 'exists' })
    assert.deepEqual((await openIdentity(home, undefined)).id, identity.id)
  })

  it('is never made over what is left of another', async () => {
    await createIdentity(home, CLEAR, NOW)
    const before = await readdir(join(home, 'keys'))
    const log = join(home, 'identity.json')
    await rm(log)
    await assert.rejects(createIdentity(home, CLEAR, NOW), {
      code: 'exists',
      hint: `put ${log} back, or move ${join(home, 'keys')} away`,
    })
    assert.deepEqual(await readdir(join(home, 'keys')), before)
  })

  it('sealed by a passphrase opens with it and with no other', async () => {
    const { identity } = await createIdentity(home, { passphrase: 'swordfish' }, NOW)
    assert.deepEqual(await readIdentity(home), identity)
    assert.equal((await openIdentity(home, 'swordfish')).id, identity.id)
    const refused = (given: boolean) => ({ code: 'passphrase', details: { given } })
    await assert.rejects(openIdentity(home, 'Swordfish'), refused(true))
    await assert.rejects(openIdentity(home, undefined), refused(false))
  })

  describe('that is damaged is not taken, and nothing is made anew', () => {
    let other: string
    let key: string
    let rotationKey: string
    let otherKey: string
    let log: string

    beforeEach(async () => {
      other = join(folder(), 'other')
      await createIdentity(home, CLEAR, NOW)
      await createIdentity(other, CLEAR, NOW)
      key = await keyInUsePath(home)
      rotationKey = await rotationKeyPath(home)
      otherKey = await keyInUsePath(other)
      log = join(home, 'identity.json')
    })

    const damages: [
      name: string,
      what: 'key' | 'other key' | 'log',
      damage: () => Promise<void>,
    ][] = [
      ['its key is gone', 'key', () => rm(key)],
      ['its key is that of another', 'key', () => copyFile(otherKey, key)],
      ['its key is the one that rotates', 'key', () => copyFile(rotationKey, key)],
      ['its key is no file of ours', 'key', () => writeFile(key, '{}')],
      ['its key log is no JSON', 'log', () => writeFile(log, 'x')],
      ['its key log is empty', 'log', () => writeFile(log, '{"version":1,"log":[]}')],
      ['its key log is of later', 'log', () => writeFile(log, '{"version":2,"log":["AA"]}')],
      ['its key log is no event', 'log', () => writeFile(log, '{"version":1,"log":["AA"]}')],
      ['its key log is no base64', 'log', () => writeFile(log, '{"version":1,"log":["!"]}')],
      [
        'its key log is that of another',
        'other key',
        () => copyFile(join(other, 'identity.json'), log),
      ],
    ]
    for (const [name, what, damage] of damages) {
      it(`when ${name}`, async () => {
        await damage()
        const missing = join(dirname(key), basename(otherKey))
        const path = { key, log, 'other key': missing }[what]
        await assert.rejects(openIdentity(home, undefined), {
          code: 'corrupt',
          details: { what: path },
          hint: /^put .* back from a copy/,
        })
        const left = await readFile(path, 'utf8').catch(() => 'gone')
        await assert.rejects(openIdentity(home, undefined), { code: 'corrupt' })
        assert.equal(await readFile(path, 'utf8').catch(() => 'gone'), left)
      })
    }

    it('when one byte of its log has changed', async () => {
      const text = await readFile(log, 'utf8')
      const { log: events } = JSON.parse(text) as { log: string[] }
      const bytes = Buffer.from(events[0] ?? '', 'base64url')
      bytes[20] = (bytes[20] ?? 0) ^ 1
      await writeFile(log, text.replace(events[0] ?? '', bytes.toString('base64url')))
      await assert.rejects(readIdentity(home), { code: 'corrupt' })
    })

    for (const [name, path, mode] of [
      ['others can read its key', () => key, 0o644],
      ['others can look into its keys', () => dirname(key), 0o755],
      ['others can write its log', () => log, 0o622],
    ] as const) {
      it(`when ${name}`, async () => {
        await chmod(path(), mode)
        await assert.rejects(openIdentity(home, undefined), { code: 'unsafe-file' })
      })
    }
  })

  it('shows in its log nothing of its secrets', async () => {
    const { identity } = await createIdentity(home, CLEAR, NOW)
    const { secret } = await openIdentity(home, undefined)
    assert.ok(!identity.log.some((event) => hex(event).includes(hex(secret))))
  })
})
