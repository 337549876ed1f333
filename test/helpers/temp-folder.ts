import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder of mode 0700 for each test of the suite, gone after it. Call it in `describe`, its result in tests. */
export function tempFolder(): () => string {
  let folder = ''
  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'kith-test-')))
  })
  // A process that a test has ended may still write its last.
  afterEach(() => rm(folder, { recursive: true, maxRetries: 10 }))
  return () => folder
}
