import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const SCRIPT = new URL('./backup-memory.ts', import.meta.url).pathname

const MIB = 128

/** What a passphrase takes more does not depend on how large the home is. `npm run memory:backup` has both large. */
const PASSPHRASE_MIB = 8

/** For the work itself; the key of a passphrase takes 256 MiB more (scrypt, N = 2^18, r = 8). */
const MOST_MIB = 200
const SCRYPT_MIB = 256

interface Line {
  lock: 'recipient' | 'passphrase'
  made: { grownMib: number; mainBusy: number }
  verified: { grownMib: number; mainBusy: number }
}

describe('memory of a backup', () => {
  let lines: Line[]

  before(async function () {
    this.timeout(180_000)
    const sizes = ['--mib', String(MIB), '--passphrase-mib', String(PASSPHRASE_MIB)]
    const args = ['--expose-gc', SCRIPT, ...sizes]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    lines = stdout.split('\n', 2).map((line) => JSON.parse(line) as Line)
  })

  it('is less than 200 MiB, and 256 more while a passphrase becomes a key', () => {
    for (const { lock, made, verified } of lines) {
      const most = MOST_MIB + (lock === 'passphrase' ? SCRYPT_MIB : 0)
      assert.ok(made.grownMib < most, JSON.stringify(lines))
      assert.ok(verified.grownMib < most, JSON.stringify(lines))
    }
  })

  it('goes with a main thread that has little to do', () => {
    for (const { made, verified } of lines) {
      // The rows of the store come from it, and nothing else.
      assert.ok(made.mainBusy < 0.4, JSON.stringify(lines))
      assert.ok(verified.mainBusy < 0.2, JSON.stringify(lines))
    }
  })
})
