import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Database } from '../../src/store/database.ts'

const MIB = 1_048_576
const LARGE_MIB = 16
const NOTE_BYTES = 16_384
const ROW_BYTES = 2_048

const WORDS = 'alpha beta gamma delta the of and node peer ask answer mesh run job lease'.split(' ')

/**
 * Fills a home as one may look after some years: half of `mib` is what cannot be compressed, three eighths are logs, an
 * eighth is in notes of 16 KiB, and as much as that comes on top as rows of the store.
 */
export async function fillMixedHome(home: string, mib: number): Promise<void> {
  await mkdir(join(home, 'workspace/notes'), { recursive: true, mode: 0o700 })
  await mkdir(join(home, 'keys'), { mode: 0o700 })
  await writeFile(join(home, 'identity.json'), '{}', { mode: 0o600 })
  await writeFile(join(home, 'keys/0123456789abcdef.json'), '{}', { mode: 0o600 })
  await writeLarge(home, 'random', mib / 2, (bytes) => randomBytes(bytes))
  await writeLarge(home, 'log', (mib * 3) / 8, logLines)
  const notes = logLines(MIB)
  for (let n = 0; n < ((mib / 8) * MIB) / NOTE_BYTES; n += 1) {
    const from = (n * 977) % (MIB - NOTE_BYTES)
    await writeFile(join(home, `workspace/notes/${n}.md`), notes.subarray(from, from + NOTE_BYTES))
  }
  await writeRows(home, mib / 8)
}

async function writeLarge(
  home: string,
  name: string,
  mib: number,
  contentOf: (bytes: number) => Uint8Array,
): Promise<void> {
  for (let n = 0; n < Math.ceil(mib / LARGE_MIB); n += 1) {
    await writeFile(join(home, `workspace/${name}-${n}`), contentOf(LARGE_MIB * MIB))
  }
}

async function writeRows(home: string, mib: number): Promise<void> {
  const database = await Database.open(join(home, 'store'))
  const sublevel = database.sublevel('rows')
  for (let batch = 0; batch < mib; batch += 1) {
    const rows = Array.from({ length: MIB / ROW_BYTES }, (_, n) => ({
      ...({ type: 'put', sublevel, key: `${batch}-${n}`, value: logLines(ROW_BYTES) } as const),
    }))
    await database.write(rows, { durable: false })
  }
  await database.close()
}

/** Lines as a log has them: four to one is what zstd makes of them. */
function logLines(bytes: number): Buffer {
  const lines: string[] = []
  for (let length = 0; length < bytes;) {
    const words = Array.from(randomBytes(8), (byte) => WORDS[byte % WORDS.length])
    const id = randomBytes(6).toString('hex')
    const line = `${JSON.stringify({ time: length, level: 'info', msg: words.join(' '), id })}\n`
    lines.push(line)
    length += line.length
  }
  return Buffer.from(lines.join('')).subarray(0, bytes)
}
