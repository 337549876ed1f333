import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { isFailure } from '../../../src/protocol/errors.ts'
import { seal, unseal } from '../../../src/store/backup/seal.ts'
import type { Key, Lock } from '../../../src/store/backup/seal.ts'
import { bytesOf, piecesOf } from '../../helpers/backup-bytes.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const hasAge = spawnSync('age', ['--version']).status === 0

const PASSPHRASE = 'correct horse battery staple'
const CHUNK = 65_536

async function newIdentity(): Promise<{
  lock: Lock
  key: Key
  recipient: string
  identity: string
}> {
  const identity = await generateX25519Identity()
  const recipient = await identityToRecipient(identity)
  return { identity, recipient, lock: { recipients: [recipient] }, key: { identities: [identity] } }
}

function sealed(content: Uint8Array, lock: Lock, pieces?: number): Promise<Buffer> {
  return bytesOf(seal(piecesOf(content, pieces), lock))
}

function opened(file: Uint8Array, key: Key, pieces?: number): Promise<Buffer> {
  return bytesOf(unseal(piecesOf(file, pieces), key))
}

/** What age's command makes of `input`. */
async function age(args: string[], input: Uint8Array): Promise<Buffer> {
  const child = spawn('age', args, { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(input)
  return await bytesOf(child.stdout)
}

describe('seal', () => {
  const folder = tempFolder()

  for (const bytes of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7]) {
    it(`opens what it has sealed, as does age's own package: ${bytes} bytes`, async () => {
      const { identity, key, lock } = await newIdentity()
      const content = randomBytes(bytes)
      const file = await sealed(content, lock, 10_007)
      assert.deepEqual(await opened(file, key, 997), content)
      const decrypter = new Decrypter()
      decrypter.addIdentity(identity)
      assert.deepEqual(Buffer.from(await decrypter.decrypt(new Uint8Array(file))), content)
    })

    it(`opens what age's own package has sealed: ${bytes} bytes`, async () => {
      const { key, recipient } = await newIdentity()
      const content = randomBytes(bytes)
      const encrypter = new Encrypter()
      encrypter.addRecipient(recipient)
      assert.deepEqual(await opened(await encrypter.encrypt(new Uint8Array(content)), key), content)
    })
  }

  it('is opened by Debian’s age, and opens what that has sealed', async function () {
    if (!hasAge) {
      console.warn('      age is not installed: nothing was checked against it')
      this.skip()
    }
    const { identity, key, lock, recipient } = await newIdentity()
    const content = randomBytes(2 * CHUNK + 99)
    const keyFile = join(folder(), 'key.txt')
    await writeFile(keyFile, identity)
    assert.deepEqual(await age(['-d', '-i', keyFile], await sealed(content, lock)), content)
    assert.deepEqual(await opened(await age(['-r', recipient], content), key), content)
  })

  it('by a passphrase is opened by Debian’s age, and opens what that has sealed', async function () {
    // age reads a passphrase from a terminal alone, and script(1) is one.
    if (!hasAge || spawnSync('script', ['--version']).status !== 0) {
      console.warn('      age or script is not installed: nothing was checked against it')
      this.skip()
    }
    const [plain, ours, theirs, back] = ['plain', 'ours.age', 'theirs.age', 'back'].map((name) =>
      join(folder(), name),
    )
    assert.ok(
      plain !== undefined && ours !== undefined && theirs !== undefined && back !== undefined,
    )
    const content = randomBytes(CHUNK + 1)
    await writeFile(plain, content)
    await writeFile(ours, await sealed(content, { passphrase: PASSPHRASE }))
    await atTerminal(`age -d -o ${back} ${ours}`, 1)
    assert.deepEqual(await readFile(back), content)
    await atTerminal(`age -p -o ${theirs} ${plain}`, 2)
    assert.deepEqual(await opened(await readFile(theirs), { passphrase: PASSPHRASE }), content)
  })

  it('lets other work of the process go on while a passphrase becomes a key', async () => {
    let turns = 0
    const timer = setInterval(() => (turns += 1), 1)
    const file = await sealed(Buffer.from('x'), { passphrase: PASSPHRASE })
    clearInterval(timer)
    assert.ok(turns > 5, `${turns} turns`)
    assert.equal(String(await opened(file, { passphrase: PASSPHRASE })), 'x')
  })

  it('opens with its passphrase and with no other, also where it takes less work than ours', async () => {
    const encrypter = new Encrypter()
    encrypter.setPassphrase(PASSPHRASE)
    encrypter.setScryptWorkFactor(10)
    const file = await encrypter.encrypt('x')
    assert.equal(String(await opened(file, { passphrase: PASSPHRASE })), 'x')
    await assert.rejects(
      opened(file, { passphrase: `${PASSPHRASE} ` }),
      (err) => isFailure(err, 'passphrase') && err.details.given,
    )
  })

  it('opens with any identity of a recipient, and with no other', async () => {
    const [a, b, c] = await Promise.all([newIdentity(), newIdentity(), newIdentity()])
    const file = await sealed(Buffer.from('x'), { recipients: [a.recipient, b.recipient] })
    assert.equal(String(await opened(file, { identities: [c.identity, b.identity] })), 'x')
    const refused = (err: unknown): boolean => isFailure(err, 'passphrase') && err.details.given
    await assert.rejects(opened(file, c.key), refused)
    await assert.rejects(opened(file, { passphrase: PASSPHRASE }), refused)
  })

  it('shows nothing of what is in it', async () => {
    const { lock } = await newIdentity()
    const file = await sealed(Buffer.from('SECRET-MARKER'.repeat(1_000)), lock)
    assert.equal(file.includes('MARKER'), false)
    assert.notDeepEqual(file, await sealed(Buffer.from('SECRET-MARKER'.repeat(1_000)), lock))
  })

  it('is refused when any byte of its header, nonce or chunks is flipped', async () => {
    const { key, lock } = await newIdentity()
    const file = await sealed(randomBytes(CHUNK + 50), lock)
    const headBytes = file.indexOf('\n--- ') + 49 + 16
    // All of the head and of the last chunk; of the long one, its ends and its tag.
    const places = [...file.keys()].filter(
      (at) => at < headBytes + 40 || at >= headBytes + CHUNK - 4 || at % 9_973 === 0,
    )
    assert.ok(places.length > 300)
    for (const at of places) {
      const flipped = Buffer.from(file)
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8))
      await assert.rejects(
        opened(flipped, key),
        (err) => isFailure(err, 'corrupt') || isFailure(err, 'passphrase'),
        `byte ${at}`,
      )
    }
  })

  it('is refused when it is cut, goes on, or has its chunks in another order', async () => {
    const { key, lock } = await newIdentity()
    const file = await sealed(randomBytes(3 * CHUNK), lock)
    const payload = file.indexOf('\n--- ') + 49 + 16
    const chunk = (index: number): Buffer =>
      file.subarray(payload + index * (CHUNK + 16), payload + (index + 1) * (CHUNK + 16))
    const head = file.subarray(0, payload)
    const changed: [what: string, bytes: Buffer][] = [
      ['cut in its header', file.subarray(0, 60)],
      ['cut in its nonce', file.subarray(0, payload - 1)],
      ['without a chunk', head],
      ['cut in a tag', Buffer.concat([head, file.subarray(payload, payload + 15)])],
      ['cut at a chunk', Buffer.concat([head, chunk(0), chunk(1)])],
      ['cut in a chunk', file.subarray(0, -1)],
      ['longer', Buffer.concat([file, Buffer.alloc(1)])],
      ['twice', Buffer.concat([file, file])],
      ['with a chunk twice', Buffer.concat([head, chunk(0), chunk(0), chunk(1), chunk(2)])],
      ['in another order', Buffer.concat([head, chunk(1), chunk(0), chunk(2)])],
      ['without its first chunk', Buffer.concat([head, chunk(1), chunk(2)])],
    ]
    for (const [what, bytes] of changed) {
      await assert.rejects(opened(bytes, key), (err) => isFailure(err, 'corrupt'), what)
    }
  })

  it('is refused when it is no age file, or has a header without end', async () => {
    const { key } = await newIdentity()
    const version = 'age-encryption.org/v1\n'
    const files = ['', 'x', 'PK\u0003\u0004', 'age-encryption.org/v2\n', 'x'.repeat(40_000)]
    for (const text of [...files, version + '-> a\n'.repeat(9_000), version + 'x'.repeat(40_000)]) {
      await assert.rejects(opened(Buffer.from(text), key), (err) => isFailure(err, 'corrupt'))
    }
  })

  it('gives no memory to a file that asks for more than age does', async () => {
    const salt = Buffer.alloc(16).toString('base64').slice(0, 22)
    const body = Buffer.alloc(32).toString('base64').slice(0, 43)
    const tag = body
    for (const args of [`${salt} 19`, `${salt} 30`, `${salt} 018`, salt, `x 18`, `${salt} 18 1`]) {
      const file = `age-encryption.org/v1\n-> scrypt ${args}\n${body}\n--- ${tag}\n`
      const key = { passphrase: PASSPHRASE }
      await assert.rejects(opened(Buffer.from(file), key), (err) => isFailure(err, 'corrupt'), args)
    }
  })

  it('seals for no more recipients than the header has room for that it opens', async () => {
    const { key, recipient } = await newIdentity()
    const many = (count: number): Lock => ({ recipients: Array<string>(count).fill(recipient) })
    const content = Buffer.from('x')
    assert.deepEqual(await opened(await sealed(content, many(250)), key), content)
    await assert.rejects(
      sealed(content, many(400)),
      (err) => isFailure(err, 'usage') && err.message.includes('recipients'),
    )
  })

  it('seals for nobody who is no recipient, and by no empty passphrase', async () => {
    const { recipient } = await newIdentity()
    const wrong = [
      [],
      ['age1'],
      [recipient.slice(0, -1)],
      [recipient, `${recipient.slice(0, -1)}${recipient.endsWith('a') ? 'c' : 'a'}`],
    ]
    for (const recipients of wrong) {
      await assert.rejects(sealed(Buffer.from('x'), { recipients }), (err) =>
        isFailure(err, 'usage'),
      )
    }
    await assert.rejects(sealed(Buffer.from('x'), { passphrase: '' }), (err) =>
      isFailure(err, 'passphrase'),
    )
    const identities = [recipient]
    await assert.rejects(opened(Buffer.from('age-encryption.org/v1\n'), { identities }), (err) =>
      isFailure(err, 'corrupt'),
    )
  })
})

/** Runs a command at a terminal where somebody types the passphrase so many times. */
async function atTerminal(command: string, times: number): Promise<void> {
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let asked = 0
  child.stdout.on('data', (text: Buffer) => {
    if (!/passphrase[^\n]*:/i.test(String(text)) || asked === times) return
    asked += 1
    child.stdin.write(`${PASSPHRASE}\n`)
  })
  const { promise, resolve } = Promise.withResolvers<number | null>()
  child.once('close', resolve)
  assert.equal(await promise, 0)
  assert.equal(asked, times)
}
