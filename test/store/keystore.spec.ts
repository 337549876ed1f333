import assert from 'node:assert/strict'
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { encode, type CborValue } from '../../src/protocol/cbor.ts'
import { isFailure, type FailureCode } from '../../src/protocol/errors.ts'
import { sha256 } from '../../src/protocol/sha256.ts'
import { openSecret, sealSecret, type Protection } from '../../src/store/keystore.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

const secret = Uint8Array.from({ length: 32 }, (_, i) => i)
const passphrase = 'correct caf\u00e9'

/** Content of a key file, by kind of protection. */
const placed = new Map<string, string>()

function fails(code: FailureCode) {
  return (err: unknown): boolean => isFailure(err, code)
}

describe('keystore', () => {
  const folder = tempFolder()
  const path = (): string => join(folder(), 'keys', 'current.json')

  async function fields(): Promise<Record<string, string | number>> {
    return JSON.parse(await readFile(path(), 'utf8')) as Record<string, string | number>
  }

  async function rewrite(changes: Record<string, string | number | undefined>): Promise<void> {
    await writeFile(path(), JSON.stringify({ ...(await fields()), ...changes }))
  }

  /** As if sealed here, without the half second that each scrypt takes. */
  async function place(protection: Protection): Promise<void> {
    const kind = Object.keys(protection).join()
    const text = placed.get(kind)
    if (text === undefined) {
      await sealSecret(path(), secret, protection)
      placed.set(kind, await readFile(path(), 'utf8'))
    } else {
      await mkdir(dirname(path()), { mode: 0o700 })
      await writeFile(path(), text, { mode: 0o600 })
    }
  }

  /** Changes the file and makes its check fit, as one would who plants a file. */
  async function plant(changes: Record<string, string | number>): Promise<void> {
    const rest = Object.entries({ ...(await fields()), ...changes }).slice(0, -1)
    const values = rest.map(([field, value]): [string, CborValue] => [
      field,
      ['salt', 'nonce', 'sealed'].includes(field) ? Buffer.from(String(value), 'base64url') : value,
    ])
    const digest = sha256(encode(Object.fromEntries(values)))
    await rewrite({ ...changes, check: Buffer.from(digest).toString('hex', 0, 8) })
  }

  const kinds: { kind: string; protection: Protection; given?: string }[] = [
    { kind: 'clear', protection: { clear: true } },
    { kind: 'scrypt', protection: { passphrase }, given: passphrase },
  ]
  for (const { kind, protection, given } of kinds) {
    describe(kind, () => {
      it('gives the secret back, and how it was kept, by a file of mode 0600 in a folder of mode 0700, alone', async () => {
        await sealSecret(path(), secret, protection)
        assert.deepEqual(await openSecret(path(), given), { secret, protection })
        assert.equal((await stat(path())).mode & 0o777, 0o600)
        assert.equal((await stat(dirname(path()))).mode & 0o777, 0o700)
        assert.deepEqual(await readdir(dirname(path())), ['current.json'])
      })

      it('never replaces a file, whatever is in it', async () => {
        await mkdir(dirname(path()), { mode: 0o700 })
        await writeFile(path(), '')
        await assert.rejects(sealSecret(path(), secret, protection), fails('exists'))
        assert.equal(await readFile(path(), 'utf8'), '')
      })

      it('is refused in a folder that is open to others', async () => {
        await place(protection)
        await chmod(dirname(path()), 0o750)
        await assert.rejects(openSecret(path(), given), fails('unsafe-file'))
        const next = join(dirname(path()), 'next.json')
        await assert.rejects(sealSecret(next, secret, protection), fails('unsafe-file'))
      })

      it('is refused when others can read the file', async () => {
        await place(protection)
        await chmod(path(), 0o640)
        await assert.rejects(openSecret(path(), given), fails('unsafe-file'))
      })

      it('is refused behind a link', async () => {
        await place(protection)
        const link = join(dirname(path()), 'next.json')
        await symlink(path(), link)
        await assert.rejects(openSecret(link, given), fails('unsafe-file'))
      })

      it('says of a file of a later version that it is too new', async () => {
        await place(protection)
        await rewrite({ version: 2 })
        await assert.rejects(openSecret(path(), given), fails('too-new'))
      })

      it('notices a change in every field', async () => {
        await place(protection)
        const original = await fields()
        for (const [field, value] of Object.entries(original)) {
          if (field === 'version') continue
          const changed = typeof value === 'number' ? value + 1 : flip(value)
          await rewrite({ [field]: changed })
          await assert.rejects(openSecret(path(), given), fails('corrupt'), field)
          await rewrite(original)
        }
        assert.deepEqual((await openSecret(path(), given))?.secret, secret)
      })

      it('notices that the file was cut anywhere', async () => {
        await place(protection)
        const text = await readFile(path(), 'utf8')
        for (const length of [0, 1, Math.floor(text.length / 2), text.length - 3]) {
          await writeFile(path(), text.slice(0, length))
          await assert.rejects(openSecret(path(), given), fails('corrupt'), `cut at ${length}`)
        }
      })

      it('takes no field that it does not know', async () => {
        await place(protection)
        await rewrite({ note: 'x' })
        await assert.rejects(openSecret(path(), given), fails('corrupt'))
      })
    })
  }

  it('has undefined for a file that is not there, and makes none', async () => {
    assert.equal(await openSecret(path()), undefined)
    assert.deepEqual(await readdir(folder()), [])
  })

  it('takes a secret of 32 bytes only', async () => {
    for (const length of [0, 31, 33]) {
      await assert.rejects(sealSecret(path(), new Uint8Array(length), { clear: true }), TypeError)
    }
  })

  it('does not show a sealed secret', async () => {
    await place({ passphrase })
    const text = await readFile(path(), 'latin1')
    for (const encoding of ['hex', 'base64', 'base64url'] as const) {
      assert.equal(text.includes(Buffer.from(secret).toString(encoding).slice(0, 16)), false)
    }
  })

  it('seals the same secret differently each time', async () => {
    await place({ passphrase })
    const next = join(folder(), 'keys', 'next.json')
    await sealSecret(next, secret, { passphrase })
    assert.notEqual(await readFile(path(), 'utf8'), await readFile(next, 'utf8'))
  })

  const wrong = [
    { what: 'none', given: undefined, flagged: false },
    { what: 'an empty', given: '', flagged: false },
    { what: 'a wrong', given: `${passphrase} `, flagged: true },
  ]
  for (const { what, given, flagged } of wrong) {
    it(`does not open with ${what} passphrase`, async () => {
      await place({ passphrase })
      await assert.rejects(
        openSecret(path(), given),
        (err) => isFailure(err, 'passphrase') && err.details.given === flagged,
      )
    })
  }

  it('is not sealed by an empty passphrase', async () => {
    await assert.rejects(sealSecret(path(), secret, { passphrase: '' }), fails('passphrase'))
    assert.equal(await openSecret(path()), undefined)
  })

  it('takes a passphrase in whichever way its letters are composed', async () => {
    await place({ passphrase })
    assert.deepEqual((await openSecret(path(), 'correct cafe\u0301'))?.secret, secret)
  })

  const plants = [
    { changes: { logN: 18 }, code: 'passphrase' },
    { changes: { logN: 19 }, code: 'corrupt' },
    { changes: { logN: 40 }, code: 'corrupt' },
    { changes: { r: 64 }, code: 'corrupt' },
    { changes: { p: 100 }, code: 'corrupt' },
    { changes: { salt: 'AAAA' }, code: 'corrupt' },
  ] as const
  for (const { changes, code } of plants) {
    it(`says ${code} of a planted file with ${JSON.stringify(changes)}`, async () => {
      await place({ passphrase })
      await plant(changes)
      await assert.rejects(openSecret(path(), passphrase), fails(code))
    })
  }

  it('refuses a file that is larger than any key file', async () => {
    await mkdir(dirname(path()), { mode: 0o700 })
    await writeFile(path(), ' '.repeat(4_097), { mode: 0o600 })
    await assert.rejects(openSecret(path()), fails('invalid-file'))
  })
})

/** `text` with another first character of the same alphabet. */
function flip(text: string): string {
  return (text.startsWith('a') ? 'b' : 'a') + text.slice(1)
}
