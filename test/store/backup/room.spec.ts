import assert from 'node:assert/strict'
import { FileChanged } from '../../../src/store/backup/archive-writer.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import {
  MAX_BACKUP_BYTES,
  MAX_BACKUP_FILES,
  MAX_FILE_BYTES,
} from '../../../src/store/backup/manifest.ts'
import { assertDiskFor, assertRoomFor, namingFullDisk } from '../../../src/store/backup/room.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

describe('room', () => {
  const folder = tempFolder()
  const empty = (count: number): { name: string; bytes: number }[] =>
    Array.from({ length: count }, (_, at) => ({ name: `workspace/${at}`, bytes: 0 }))
  const eight = Array<number>(8).fill(MAX_FILE_BYTES)

  const tables: [what: string, files: { name: string; bytes: number }[], why: RegExp][] = [
    [
      'a file',
      [{ name: 'workspace/disk', bytes: MAX_FILE_BYTES + 1 }],
      /^\/h\/workspace\/disk has/,
    ],
    ['all files', [...eight, 9].map((bytes) => ({ name: 'a', bytes })), /bytes in its files/],
    ['the number of files', empty(MAX_BACKUP_FILES), /99999 files/],
  ]
  for (const [what, files, why] of tables) {
    it(`in a backup is too small for ${what}, which is said before any is read`, () => {
      assert.throws(
        () => {
          assertRoomFor('/h', files)
        },
        (err) => isFailure(err, 'invalid-file') && why.test(err.message),
      )
    })
  }

  it('in a backup is for as much as a manifest may announce', () => {
    const all = [...eight, 8].map((bytes) => ({ name: 'a', bytes }))
    assert.equal(
      all.reduce((sum, { bytes }) => sum + bytes, 0),
      MAX_BACKUP_BYTES,
    )
    assertRoomFor('/h', all)
    assertRoomFor('/h', empty(MAX_BACKUP_FILES - 1))
  })

  const full: [what: string, err: Error][] = [
    ['the system', Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })],
    ['the system of a quota', Object.assign(new Error('EDQUOT'), { code: 'EDQUOT' })],
    ['the store', new Error('IO error: /h/store/000005.log: No space left on device')],
    [
      'what wrote for the store',
      new Error('x', { cause: Object.assign(new Error('y'), { code: 'ENOSPC' }) }),
    ],
  ]
  for (const [what, err] of full) {
    it(`on the disk that is at its end is said with its folder, whoever says so: ${what}`, async () => {
      const refused = namingFullDisk('/mnt/usb', () => Promise.reject(err))
      await assert.rejects(
        refused,
        (told) =>
          isFailure(told, 'usage') && told.message.includes('/mnt/usb') && told.cause === err,
      )
    })
  }

  it('on the disk has nothing to do with other failures', async () => {
    const err = new FileChanged('workspace/No space left on device')
    await assert.rejects(
      namingFullDisk('/mnt/usb', () => Promise.reject(err)),
      (told) => told === err,
    )
    assert.equal(await namingFullDisk('/mnt/usb', () => Promise.resolve(7)), 7)
  })

  it('on the disk is looked for before it is filled', async () => {
    await assertDiskFor(folder(), 0)
    await assert.rejects(
      assertDiskFor(folder(), Number.MAX_SAFE_INTEGER),
      (err) => isFailure(err, 'usage') && err.hint === `df ${folder()}`,
    )
  })
})
