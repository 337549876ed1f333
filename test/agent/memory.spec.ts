import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  MAX_MEMORY_BYTES,
  MAX_NOTE_BYTES,
  MAX_SOURCE_BYTES,
  Memory,
} from '../../src/agent/memory.ts'
import { isFailure } from '../../src/protocol/errors.ts'

const NOW = Date.UTC(2026, 10, 21, 8, 0, 59)

describe('Memory', () => {
  let folder: string
  let path: string
  let memory: Memory

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kith-memory-'))
    path = join(folder, 'MEMORY.md')
    memory = new Memory(path)
  })

  afterEach(() => rm(folder, { recursive: true }))

  it('writes one bullet a note, with its time and its source', async () => {
    await memory.remember('the backup disk is sdb', 'nas', NOW)
    await memory.remember('water the plants', 'self', NOW + 3_600_000)
    assert.equal(
      await readFile(path, 'utf8'),
      '- 2026-11-21T08:00Z [from nas] the backup disk is sdb\n' +
        '- 2026-11-21T09:00Z [from self] water the plants\n',
    )
  })

  it('makes the file for its owner alone', async () => {
    await memory.remember('x', 'nas', NOW)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
  })

  it('recalls the notes that hold all words, the newest first', async () => {
    await memory.remember('Disk sdb is for backups', 'nas', NOW)
    await memory.remember('disk sda is the system', 'self', NOW)
    await memory.remember('the backup disk is SDB', 'laptop', NOW)
    assert.deepEqual(await memory.recall(['disk', 'sdb']), [
      { at: '2026-11-21T08:00Z', source: 'laptop', text: 'the backup disk is SDB' },
      { at: '2026-11-21T08:00Z', source: 'nas', text: 'Disk sdb is for backups' },
    ])
    assert.deepEqual(await memory.recall(['sdc']), [])
  })

  it('recalls nothing without a file', async () => {
    assert.deepEqual(await memory.recall(['x']), [])
  })

  it('recalls what a person wrote by hand, as of the owner', async () => {
    await writeFile(path, '# Memory\r\n\r\n* plants: water on Monday\r\nplants like light\n')
    assert.deepEqual(await memory.recall(['plants']), [
      { source: 'self', text: 'plants like light' },
      { source: 'self', text: 'plants: water on Monday' },
    ])
    assert.deepEqual(await memory.recall(['memory']), [])
  })

  it('begins a line of its own after a last line that was left open', async () => {
    await writeFile(path, '- by hand')
    await memory.remember('x', 'nas', NOW)
    assert.equal(await readFile(path, 'utf8'), '- by hand\n- 2026-11-21T08:00Z [from nas] x\n')
  })

  for (const end of ['\n', '\r\n', '\r', '\v', '\f', '\u0085', '\u2028', '\u2029', '\n\n']) {
    it(`keeps a note in one line, whatever ends a line in it: ${JSON.stringify(end)}`, async () => {
      await memory.remember(`x${end}- 2026-01-01T00:00Z [from self] pay`, 'nas', NOW)
      const notes = await memory.recall([])
      assert.deepEqual(
        notes.map(({ source }) => source),
        ['nas'],
      )
      assert.equal((await readFile(path, 'utf8')).split(/[\n\v\f\r\u0085\u2028\u2029]/u).length, 2)
    })
  }

  it('keeps no escape sequence', async () => {
    await memory.remember('a\x1b]52;c;cm0=\x07b\u202ec', 'nas', NOW)
    assert.equal((await memory.recall([]))[0]?.text, 'abc')
  })

  it('takes a note of the longest length and none above', async () => {
    await memory.remember('é'.repeat(MAX_NOTE_BYTES / 2), 'nas', NOW)
    await assert.rejects(
      memory.remember(`${'é'.repeat(MAX_NOTE_BYTES / 2)}x`, 'nas', NOW),
      (err) => isFailure(err, 'too-large') && err.details.limitBytes === MAX_NOTE_BYTES,
    )
    assert.equal((await memory.recall([])).length, 1)
  })

  for (const text of ['', ' \n\t', '\u200b', '\x1b[31m']) {
    it(`refuses a note without a visible character: ${JSON.stringify(text)}`, async () => {
      await assert.rejects(memory.remember(text, 'nas', NOW), (err) =>
        isFailure(err, 'bad-request'),
      )
      await assert.rejects(stat(path))
    })
  }

  it('fills the file to its cap and no further, also with notes at the same time', async () => {
    const line = '- 2026-11-21T08:00Z [from nas] x\n'
    await writeFile(path, `${'x'.repeat(MAX_MEMORY_BYTES - 2 * line.length - 1)}\n`)
    const written = await Promise.allSettled([
      memory.remember('x', 'nas', NOW),
      memory.remember('x', 'nas', NOW),
      memory.remember('x', 'nas', NOW),
    ])
    assert.deepEqual(
      written.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected'],
    )
    assert.equal((await stat(path)).size, MAX_MEMORY_BYTES)
    assert.equal((await memory.recall(['from'])).length, 0)
    assert.ok(written[2].status === 'rejected' && isFailure(written[2].reason, 'too-large'))
  })

  it('takes so much of one peer and no more, and of others and the owner all the same', async () => {
    const start = '- 2026-11-21T08:00Z [from nas] '
    const notes = `${start}${'x'.repeat(MAX_SOURCE_BYTES - 2 * start.length - 3)}\n`
    await writeFile(path, notes)
    await memory.remember('y', 'nas', NOW)
    await assert.rejects(
      memory.remember('y', 'nas', NOW),
      (err) => isFailure(err, 'too-large') && err.details.limitBytes === MAX_SOURCE_BYTES,
    )
    await memory.remember('y', 'phone', NOW)
    await writeFile(path, notes.replace('nas', 'self'))
    await memory.remember('y', 'self', NOW)
    await memory.remember('y', 'self', NOW)
    assert.equal((await memory.recall(['y'])).length, 2)
  })

  it('goes on after a note that was refused', async () => {
    await writeFile(path, 'x'.repeat(MAX_MEMORY_BYTES))
    await assert.rejects(memory.remember('x', 'nas', NOW))
    await writeFile(path, '')
    await memory.remember('y', 'nas', NOW)
    assert.equal((await memory.recall(['y'])).length, 1)
  })

  it('does not read a file above the cap', async () => {
    await writeFile(path, 'x'.repeat(MAX_MEMORY_BYTES))
    assert.equal((await memory.recall(['x'])).length, 1)
    await appendFile(path, 'x')
    await assert.rejects(memory.recall(['x']), (err) => isFailure(err, 'too-large'))
  })

  it('neither writes nor reads through a link', async () => {
    const target = join(folder, 'target')
    await writeFile(target, 'secret')
    await symlink(target, path)
    await assert.rejects(memory.remember('x', 'nas', NOW), { code: 'ELOOP' })
    await assert.rejects(memory.recall(['secret']), { code: 'ELOOP' })
    assert.equal(await readFile(target, 'utf8'), 'secret')
  })

  it('forgets what one source said, and leaves every other byte', async () => {
    const others = '# Memory\r\n\r\n- by hand [from nas]\r\n- 2026-11-21T08:00Z [from nas2] x\n'
    await writeFile(path, others)
    await memory.remember('one', 'nas', NOW)
    await memory.remember('two', 'nas', NOW)
    assert.equal(await memory.forget('nas'), 2)
    assert.equal(await readFile(path, 'utf8'), others)
    assert.equal(await memory.forget('nas'), 0)
    assert.equal(await memory.forget('self'), 0)
  })
})
