import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { passphraseFromFile, passphraseFromStdin } from '../../src/cli/passphrase.ts'
import { isFailure } from '../../src/protocol/errors.ts'

describe('a passphrase', () => {
  describe('from the standard input', () => {
    const table: [what: string, chunks: string[], passphrase: string][] = [
      ['is the first line', ['one\ntwo\n'], 'one'],
      ['needs no newline', ['one'], 'one'],
      ['may end as on Windows', ['one\r\n'], 'one'],
      ['may come in pieces', ['on', 'e\n'], 'one'],
      ['keeps its blanks', [' o ne \n'], ' o ne '],
    ]
    for (const [what, chunks, passphrase] of table) {
      it(what, async () => {
        assert.equal(await passphraseFromStdin({ stdin: Readable.from(chunks) }), passphrase)
      })
    }

    it('may be as long as it says, and not longer: half of one opens nothing', async () => {
      const long = 'x'.repeat(4_096)
      const read = (...chunks: string[]): Promise<string> =>
        passphraseFromStdin({ stdin: Readable.from(chunks) })
      assert.equal(await read(long, '\nmore'), long)
      for (const chunks of [[`${long}x\n`], [`${long}x`, 'more\n'], [`${long}x`]]) {
        await assert.rejects(read(...chunks), (err) => isFailure(err, 'usage'))
      }
    })

    it('is text: of bytes that are none, one is as good as another', async () => {
      const read = (...bytes: number[]): Promise<string> =>
        passphraseFromStdin({ stdin: Readable.from([Buffer.from(bytes)]) })
      assert.equal(await read(0xc3, 0xa9, 0x0a, 0xff), 'é')
      await assert.rejects(read(0x63, 0xe9, 0x0a), (err) => isFailure(err, 'usage'))
    })

    for (const text of ['', '\n', '\nlater\n']) {
      it(`is not ${JSON.stringify(text)}`, async () => {
        const stdin = Readable.from([text])
        await assert.rejects(passphraseFromStdin({ stdin }), (err) => isFailure(err, 'usage'))
      })
    }
  })

  describe('from a file', () => {
    let folder: string

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'kith-passphrase-'))
    })

    afterEach(async () => {
      await rm(folder, { recursive: true })
    })

    it('is its content but for the newline at its end', async () => {
      const path = join(folder, 'secret')
      await writeFile(path, 'one\n')
      assert.equal(await passphraseFromFile({ KITH_PASSPHRASE_FILE: path }), 'one')
    })

    it('is the credential of a systemd service', async () => {
      await writeFile(join(folder, 'kith-passphrase'), 'one')
      assert.equal(await passphraseFromFile({ CREDENTIALS_DIRECTORY: folder }), 'one')
    })

    it('is none where nothing names one', async () => {
      assert.equal(await passphraseFromFile({}), undefined)
      assert.equal(await passphraseFromFile({ CREDENTIALS_DIRECTORY: folder }), undefined)
    })

    it('is an error when the file that was named is absent or empty', async () => {
      const path = join(folder, 'secret')
      const env = { KITH_PASSPHRASE_FILE: path, CREDENTIALS_DIRECTORY: folder }
      await writeFile(join(folder, 'kith-passphrase'), 'another')
      await assert.rejects(passphraseFromFile(env), (err) => isFailure(err, 'usage'))
      await writeFile(path, '\n')
      await assert.rejects(passphraseFromFile(env), (err) => isFailure(err, 'usage'))
    })
  })
})
