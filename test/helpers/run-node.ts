/** Run as a process of its own: the node of KITH_HOME, as `kith start` runs it. A failure is one JSON line on stderr. */
import { flushCompileCache } from 'node:module'
import { runDaemon } from '../../src/node/daemon.ts'
import { homeOf } from '../../src/node/home.ts'
import { isFailure } from '../../src/protocol/errors.ts'

try {
  process.exitCode = await runDaemon({
    home: homeOf(process.env, undefined),
    env: process.env,
    flags: {},
    passphrase: process.argv[2],
    stdout: process.stdout,
    // Those that are killed would leave nothing to the next one.
    onReady: () => {
      flushCompileCache()
    },
  })
} catch (err) {
  if (!isFailure(err)) throw err
  const { code, details, hint, message } = err
  process.stderr.write(`${JSON.stringify({ code, message, details, hint })}\n`)
  process.exitCode = 1
}
