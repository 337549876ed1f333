import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { createBackupStatement } from '../../../src/protocol/backup-statement.ts'
import type { BackupStatement } from '../../../src/protocol/backup-statement.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import { nodeIdOf } from '../../../src/protocol/node-id.ts'
import { readArchive } from '../../../src/store/backup/archive-reader.ts'
import { FileChanged, writeArchive } from '../../../src/store/backup/archive-writer.ts'
import {
  BACKUP_VERSION,
  encodeManifest,
  MAX_BACKUP_FILES,
  MAX_FILE_BYTES,
  MAX_MANIFEST_BYTES,
  parseManifest,
} from '../../../src/store/backup/manifest.ts'
import type { Manifest } from '../../../src/store/backup/manifest.ts'
import { tarHead, tarPadding } from '../../../src/store/backup/tar-block.ts'
import { bytesOf, manifestOf, piecesOf, sha256Hex } from '../../helpers/backup-bytes.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

type Files = Record<string, Uint8Array>

const LONG = `workspace/${'long '.repeat(30)}name/${'é'.repeat(100)}.txt`

const FILES: Files = {
  'identity.json': Buffer.from('{}'),
  'workspace/empty': Buffer.alloc(0),
  'workspace/block': Buffer.alloc(512, 7),
  'workspace/notes/more.md': Buffer.from('Água\n'.repeat(400)),
  [LONG]: Buffer.from('far away'),
}

function write(
  files: Files,
  manifest = manifestOf(files),
  change?: Partial<BackupStatement>,
): Promise<Buffer> {
  const content = ({ name }: { name: string }): AsyncGenerator<Uint8Array> =>
    piecesOf(files[name] ?? Buffer.alloc(0), 1_000)
  const sign = (digest: Uint8Array): Promise<Uint8Array> =>
    Promise.resolve(statementOf(manifest, { manifest: digest, ...change }))
  return bytesOf(writeArchive(manifest, content, sign))
}

/** What the node of a manifest says of it, in the eyes of a reader who knows no key. */
function statementOf(
  { at, keyLog: { sn }, node }: Manifest,
  change: Partial<BackupStatement>,
): Uint8Array {
  const seed = new Uint8Array(32).fill(1)
  return createBackupStatement({ id: node, sn, at, manifest: new Uint8Array(32), seed, ...change })
}

/** The manifest of these files, of a backup that is signed. */
function signedManifestOf(files: Files): Manifest {
  return manifestOf(files, { version: BACKUP_VERSION })
}

async function read(
  archive: Uint8Array,
  pieces = 4_096,
): Promise<{ manifest: Manifest; statement: Uint8Array | undefined; files: Files }> {
  const files: Files = {}
  const head = await readArchive(piecesOf(archive, pieces), {
    file: async ({ name }, content) => {
      files[name] = await bytesOf(content)
    },
  })
  return { ...head, files }
}

async function refuses(archive: Uint8Array, why?: RegExp): Promise<void> {
  await assert.rejects(
    read(archive),
    (err) => isFailure(err, 'corrupt') && (why === undefined || why.test(err.message)),
  )
}

/** An archive whose manifest is whatever it is given: made by whoever has a recipient, and not by us. */
function forge(manifest: unknown, rest: Uint8Array[] = []): Buffer {
  const bytes = Buffer.from(JSON.stringify(manifest))
  const seconds = Math.floor(manifestOf({}).at / 1_000)
  const head = tarHead({ name: 'manifest.json', bytes: bytes.byteLength }, seconds)
  const padding = Buffer.alloc(tarPadding(bytes.byteLength))
  return Buffer.concat([head, bytes, padding, ...rest, Buffer.alloc(1_024)])
}

/** A header with one field written over, and its sum made right. */
function withField(head: Uint8Array, at: number, text: string): Buffer {
  const block = Buffer.from(head)
  block.write(text, at)
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

describe('archive', () => {
  const folder = tempFolder()

  for (const pieces of [1, 511, 512, 4_096, 1_000_000]) {
    it(`comes back as it was, read in pieces of ${pieces} bytes`, async () => {
      const manifest = manifestOf(FILES)
      const statement = undefined
      assert.deepEqual(await read(await write(FILES), pieces), {
        manifest,
        statement,
        files: FILES,
      })
    })

    it(`comes back with what its node says of it, read in pieces of ${pieces} bytes`, async () => {
      const manifest = signedManifestOf(FILES)
      const { files, ...head } = await read(await write(FILES, manifest), pieces)
      const digest = createHash('sha256').update(encodeManifest(manifest)).digest()
      const statement = Buffer.from(statementOf(manifest, { manifest: digest }))
      assert.deepEqual(
        { ...head, statement: Buffer.from(head.statement ?? []) },
        { manifest, statement },
      )
      assert.deepEqual(files, FILES)
    })
  }

  const OTHER_ID = nodeIdOf(new Uint8Array(3))
  const alterations: [what: string, change: Partial<BackupStatement>][] = [
    ['another manifest', { manifest: new Uint8Array(32) }],
    ['another node', { id: OTHER_ID }],
    ['another event of the key log', { sn: 1 }],
    ['another time', { at: manifestOf({}).at + 1 }],
  ]
  for (const [what, change] of alterations) {
    it(`is refused when what its node says is of ${what}`, async () => {
      await refuses(await write(FILES, signedManifestOf(FILES), change), /of another backup/)
    })
  }

  it('is not written as signed where nobody signs', async () => {
    const written = writeArchive(signedManifestOf({}), () => piecesOf(new Uint8Array(0)))
    await assert.rejects(bytesOf(written), TypeError)
  })

  it('comes back whatever is in it', async () => {
    const content = fc.uint8Array({ maxLength: 2_000 })
    // But for names that a Windows takes for devices: those are refused.
    const name = fc
      .stringMatching(/^[a-z]{1,12}$/)
      .filter((text) => !/^(con|prn|aux|nul)$/.test(text))
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, content, { maxKeys: 6 }), async (some) => {
        const files = Object.fromEntries(Object.entries(some).map(([k, v]) => [k, Buffer.from(v)]))
        assert.deepEqual((await read(await write(files))).files, files)
      }),
      { numRuns: 40 },
    )
  })

  it('is opened by tar, and what tar wrote over it is refused', async function () {
    if (spawnSync('tar', ['--version']).status !== 0) this.skip()
    const path = join(folder(), 'a.tar')
    await writeFile(path, await write(FILES, signedManifestOf(FILES)))
    const tar = promisify(execFile)
    await tar('tar', ['-xf', path, '-C', folder()])
    for (const [name, content] of Object.entries(FILES)) {
      assert.deepEqual(await readFile(join(folder(), name)), Buffer.from(content))
    }
    const names = ['manifest.json', 'signature.cbor', ...Object.keys(FILES)]
    await tar('tar', ['--format=ustar', '-cf', path, '-C', folder(), ...names.slice(0, -1)])
    await refuses(await readFile(path), /manifest/)
  })

  it('keeps whether a file may be run', async () => {
    const files = { 'workspace/run.sh': Buffer.from('#!/bin/sh\n') }
    const [plain] = manifestOf(files).files
    assert.ok(plain)
    const manifest = manifestOf({}, { files: [{ ...plain, executable: true }] })
    const archive = await write(files, manifest)
    assert.deepEqual((await read(archive)).manifest, manifest)
    const seconds = Math.floor(manifest.at / 1_000)
    const at = archive.indexOf(tarHead({ ...plain, executable: true }, seconds))
    archive.set(tarHead(plain, seconds), at)
    await refuses(archive, /not where/)
  })

  it('is not written from a file that has changed meanwhile', async () => {
    const changes: Files = {
      longer: Buffer.from('12345'),
      shorter: Buffer.from('123'),
      other: Buffer.from('1243'),
    }
    for (const content of Object.values(changes)) {
      const written = writeArchive(manifestOf({ a: Buffer.from('1234') }), () => piecesOf(content))
      await assert.rejects(bytesOf(written), FileChanged)
    }
  })

  it('that is signed has no byte that is free: what is flipped is refused, or a signature that proves nothing', async () => {
    const files = { 'a.txt': Buffer.from('abc'), [LONG]: Buffer.from('x') }
    const manifest = signedManifestOf(files)
    const archive = await write(files, manifest)
    const { statement: good } = await read(archive)
    for (let at = 0; at < archive.byteLength; at += 1) {
      const flipped = Buffer.from(archive)
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8))
      try {
        const { statement, ...rest } = await read(flipped)
        assert.deepEqual(rest, { manifest, files })
        // The last 64 bytes of a statement are its signature: whoever knows the key sees that it is none.
        const [before, after] = [good, statement].map((bytes) => Buffer.from(bytes ?? []))
        assert.deepEqual(after?.subarray(0, -64), before?.subarray(0, -64))
        assert.notDeepEqual(after, before)
      } catch (err) {
        assert.ok(isFailure(err, 'corrupt') || isFailure(err, 'too-new'), String(err))
      }
    }
  })

  it('that nobody signed has other files in no byte: what is flipped is refused, or a word of its author about himself', async () => {
    const files = { 'a.txt': Buffer.from('abc'), [LONG]: Buffer.from('x') }
    const archive = await write(files)
    let taken = 0
    for (let at = 0; at < archive.byteLength; at += 1) {
      const flipped = Buffer.from(archive)
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8))
      try {
        assert.deepEqual((await read(flipped)).files, files)
        taken += 1
      } catch (err) {
        assert.ok(isFailure(err, 'corrupt') || isFailure(err, 'too-new'), String(err))
      }
    }
    // Its version of kith, the hash of its key log, and milliseconds of its time.
    assert.ok(taken < 90, `${taken} are taken`)
  })

  it('is refused when it is cut anywhere', async () => {
    const archive = await write({ 'a.txt': Buffer.from('abc') })
    for (let length = 0; length < archive.byteLength; length += 1) {
      await refuses(archive.subarray(0, length), /cut off/)
    }
  })

  it('is refused when something follows', async () => {
    const archive = await write(FILES)
    await refuses(Buffer.concat([archive, Buffer.alloc(1)]), /follows/)
    await refuses(Buffer.concat([archive, Buffer.alloc(9_728)]), /follows/)
    await refuses(Buffer.concat([archive, archive]), /follows/)
  })

  it('stops at a bomb where the last file that it announces ends', async () => {
    const archive = await write(FILES)
    let given = 0
    async function* bomb(): AsyncGenerator<Uint8Array> {
      yield archive.subarray(0, -1_024)
      for (;;) {
        given += 65_536
        yield new Uint8Array(65_536)
      }
    }
    const sink = {
      file: async (_: unknown, content: AsyncIterable<Uint8Array>) => {
        await bytesOf(content)
      },
    }
    await assert.rejects(readArchive(bomb(), sink), (err) => isFailure(err, 'corrupt'))
    assert.equal(given, 65_536)
  })

  it('is not written with names that are longer together than a manifest that is read', () => {
    const name = (at: number): string => `workspace/${'x'.repeat(240)}/${at}`
    const [zero, sha256] = [0, '0'.repeat(64)]
    const files = Array.from({ length: MAX_BACKUP_FILES }, (_, at) => ({
      ...{ name: name(at), bytes: zero, sha256 },
    }))
    assert.throws(
      () => encodeManifest(manifestOf({}, { files })),
      (err) => isFailure(err, 'invalid-file'),
    )
    const fewer = encodeManifest(manifestOf({}, { files: files.slice(0, 80_000) }))
    assert.ok(
      fewer.byteLength <= MAX_MANIFEST_BYTES && parseManifest(fewer).files.length === 80_000,
    )
  })

  it('stops reading when its sink refuses what is announced', async () => {
    let closed = false
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield* piecesOf(await write(FILES), 512)
      } finally {
        closed = true
      }
    }
    const refused = readArchive(source(), {
      head: () => {
        throw new Error('not this one')
      },
      file: () => Promise.reject(new Error('never called')),
    })
    await assert.rejects(refused, /not this one/)
    assert.ok(closed)
  })

  describe('of a stranger', () => {
    const one = { bytes: 1, sha256: sha256Hex(Buffer.from('x')) }
    const seconds = Math.floor(manifestOf({}).at / 1_000)
    const content = Buffer.concat([Buffer.from('x'), Buffer.alloc(511)])
    const honest = manifestOf({ a: Buffer.from('x') })
    const head = tarHead({ name: 'a', bytes: 1 }, seconds)

    it('is taken when it is as ours are', async () => {
      await read(forge(honest, [head, content]))
    })

    it('is refused with a signature that is not there, too long, or none', async () => {
      const version = BACKUP_VERSION
      const announced = { ...honest, version }
      const bare = forge(announced, [head, content])
      await refuses(bare, /no signature follows/)
      const long = tarHead({ name: 'signature.cbor', bytes: 2_049 }, seconds)
      await refuses(forge(announced, [long, Buffer.alloc(2_560)]), /no signature follows/)
      const short = tarHead({ name: 'signature.cbor', bytes: 1 }, seconds)
      await refuses(forge(announced, [short, content]), /signature cannot be read/)
      const later = tarHead({ name: 'signature.cbor', bytes: 1 }, seconds + 1)
      await refuses(forge(announced, [later, content]))
    })

    it('is refused with a signature that its version does not have', async () => {
      const signed = await write({ a: Buffer.from('x') }, signedManifestOf({ a: Buffer.from('x') }))
      const at = signed.indexOf('signature.cbor')
      await refuses(forge(honest, [signed.subarray(at, at + 1_024), head, content]), /not where/)
    })

    const names = [
      ...['../a', '/a', 'a/../../b', 'C:/a', 'a\0', 'a\\b', 'NUL', 'manifest.json', 'a.'],
      'Signature.cbor',
    ]
    for (const name of names) {
      it(`is refused with a file of the name ${JSON.stringify(name)}`, async () => {
        const manifest = { ...honest, files: [{ name, ...one }] }
        await refuses(forge(manifest, [tarHead({ name, bytes: 1 }, seconds), content]), /manifest/)
      })
    }

    const manifests: [what: string, change: object][] = [
      [
        'two files of one name',
        {
          files: [
            { name: 'a', ...one },
            { name: 'a', ...one },
          ],
        },
      ],
      [
        'names that differ by case',
        {
          files: [
            { name: 'a', ...one },
            { name: 'A', ...one },
          ],
        },
      ],
      [
        'a file that is a folder too',
        {
          files: [
            { name: 'a', ...one },
            { name: 'a/b', ...one },
          ],
        },
      ],
      ['a file of a negative length', { files: [{ name: 'a', ...one, bytes: -1 }] }],
      ['a file that is too long', { files: [{ name: 'a', ...one, bytes: MAX_FILE_BYTES + 1 }] }],
      [
        'files that are too long together',
        {
          files: Array.from({ length: 9 }, (_, i) => ({
            name: `${i}`,
            ...one,
            bytes: MAX_FILE_BYTES,
          })),
        },
      ],
      [
        'too many files',
        {
          files: Array.from({ length: MAX_BACKUP_FILES + 1 }, (_, i) => ({ name: `${i}`, ...one })),
        },
      ],
      ['a field that nobody knows', { link: 'a' }],
      ['a file with a link', { files: [{ name: 'a', ...one, link: '/etc/passwd' }] }],
      ['another format', { format: 'tar' }],
      ['no node', { node: 'kith1' }],
      ['a prototype', JSON.parse('{"__proto__": {"files": []}}') as object],
    ]
    for (const [what, change] of manifests) {
      it(`is refused with ${what}`, async () => {
        await refuses(forge({ ...honest, ...change }, [head, content]))
      })
    }

    it('is refused as too new when a later kith wrote it', async () => {
      await assert.rejects(read(forge({ version: 3, anything: 1 })), (err) =>
        isFailure(err, 'too-new'),
      )
    })

    // POSIX.1-2017, ustar: link, symbolic link, character and block device, folder, FIFO, and GNU's and pax's own.
    for (const type of ['\0', '1', '2', '3', '4', '5', '6', '7', 'g', 'x', 'L', 'K', 'S', 'V']) {
      it(`is refused with an entry of the type ${JSON.stringify(type)}`, async () => {
        const link = withField(withField(head, 156, type), 157, '/etc/passwd')
        await refuses(forge(honest, [withField(head, 156, type), content]), /not where/)
        await refuses(forge(honest, [link, content]), /not where/)
        await refuses(forge(honest, [head, content, link]))
      })
    }

    const headers: [what: string, head: Buffer][] = [
      ['a link beside its file', withField(head, 157, 'b')],
      ['another name than it announced', withField(head, 0, 'b')],
      ['a folder before its name', withField(head, 345, '../..')],
      ['another length', withField(head, 124, '00000000002')],
      ['a length in base 256', withField(head, 124, '\x80\0\0\0\0\0\0\0\0\0\0\x01')],
      ['an owner', withField(head, 108, '0000001')],
      ['a mode that lets others run it as us', withField(head, 100, '0004755')],
      ['a wrong sum', Buffer.from(head).fill('7', 148, 149)],
    ]
    for (const [what, block] of headers) {
      it(`is refused with ${what}`, async () => {
        await refuses(forge(honest, [block, content]), /not where/)
      })
    }

    it('is refused with a file that is not announced, before, between or after', async () => {
      const more = [tarHead({ name: 'b', bytes: 1 }, seconds), content]
      await refuses(forge(honest, [...more, head, content]))
      await refuses(forge(honest, [head, content, ...more]))
      await refuses(forge(honest, [head, content, head, content]))
      await refuses(Buffer.concat([head, content, forge(honest, [head, content])]))
    })

    it('is refused with bytes where zeros fill a block up', async () => {
      const hidden = Buffer.from(content).fill('y', 511)
      await refuses(forge(honest, [head, hidden]), /longer/)
    })

    it('is refused with a manifest that is too long, before it is read', async () => {
      const long = withField(
        tarHead({ name: 'manifest.json', bytes: 0 }, seconds),
        124,
        '77777777777',
      )
      await refuses(Buffer.concat([long, content]), /does not begin/)
    })
  })
})
