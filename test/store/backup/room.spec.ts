import assert from 'node:assert/strict'
import { isFailure } from '../../../src/protocol/errors.ts'
import {
  MAX_BACKUP_BYTES,
  MAX_BACKUP_FILES,
  MAX_FILE_BYTES,
} from '../../../src/store/backup/manifest.ts'
import { assertDiskFor, assertRoomFor } from '../../../src/store/backup/room.ts'
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

  it('on the disk is looked for before it is filled', async () => {
    await assertDiskFor(folder(), 0)
    await assert.rejects(
      assertDiskFor(folder(), Number.MAX_SAFE_INTEGER),
      (err) => isFailure(err, 'usage') && err.hint === `df ${folder()}`,
    )
  })
})
