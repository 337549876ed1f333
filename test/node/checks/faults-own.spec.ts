import assert from 'node:assert/strict'
import { chmod, mkdir, rename, truncate, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { checkedNodes } from '../../helpers/checked-node.ts'
import type { CheckedNode } from '../../helpers/checked-node.ts'
import { checksOf, findingsAt, fixAt } from '../../helpers/checks-of.ts'
import { eventually } from '../../helpers/eventually.ts'

/*
 * Each check of what is on the disk of a node: a real fault makes it fail, and the remedy that it names clears it.
 */
describe('checks of a home', function () {
  this.timeout(20_000)
  const make = checkedNodes()
  let anna: CheckedNode
  let path: string

  beforeEach(async () => {
    anna = make()
    const { home } = await anna.start()
    path = home.path
  })

  const inHome = (...names: string[]): string => join(path, ...names)

  it('F58: identity fails when the key log on disk is another, or the key is gone', async () => {
    await anna.says('identity', 'ok')
    const log = inHome('identity.json')
    await rename(log, `${log}.away`)
    await anna.says('identity', 'fail', /there is no node/)
    await rename(`${log}.away`, log)
    await anna.says('identity', 'ok')
    await rename(inHome('keys'), inHome('away'))
    await mkdir(inHome('keys'), { mode: 0o700 })
    await anna.says('identity', 'fail', /the file of the key in force is gone/)
    await anna.type(`rmdir ${inHome('keys')}`)
    await rename(inHome('away'), inHome('keys'))
    await anna.says('identity', 'ok')
  })

  it('F58: config fails for a file that the next start would refuse, with line and column', async () => {
    await anna.says('config', 'ok')
    await writeFile(inHome('config.yaml'), 'version: 1\nlisten: 3\n', { mode: 0o600 })
    await anna.says('config', 'fail', /config\.yaml:2:9/)
    await writeFile(inHome('config.yaml'), 'version: 1\n', { mode: 0o600 })
    await anna.says('config', 'ok')
  })

  it('F58: config fails for recipients and a folder of backups that are none, before one is made', async () => {
    const flags = { 'backup.recipients': ['age1nobody'] }
    await anna.restart({ flags })
    await anna.says('config', 'fail', /no backup can be made: age1nobody is no age recipient/)
    await anna.restart({ flags: { 'backup.recipients': [`age1${'q'.repeat(58)}`] } })
    await anna.says('config', 'fail', /is no age recipient/)
    const to = join(path, '..', 'backups')
    await anna.restart({ flags: { 'backup.to': to } })
    await anna.type(await anna.says('config', 'warn', /there is no folder/))
    await anna.says('config', 'ok')
  })

  it('F58: peers-file fails while peers.yaml on disk is not in force', async () => {
    const seen = anna.node.pins
    await writeFile(inHome('peers.yaml'), 'version: 1\npeers: [{name: Bob}]\n', { mode: 0o600 })
    await until(() => seen.problem !== undefined)
    await anna.says('peers-file', 'fail', /peers\.yaml:2/)
    await writeFile(inHome('peers.yaml'), 'version: 1\npeers: []\n', { mode: 0o600 })
    await until(() => seen.problem === undefined)
    await anna.says('peers-file', 'ok')
  })

  it('F58: key-files fails for keys that others can read', async () => {
    await chmod(inHome('keys'), 0o755)
    await anna.type(await anna.says('key-files', 'fail', /keys is open to other users/))
    await anna.says('key-files', 'ok')
  })

  it('F58: file-modes fails for what others could change', async () => {
    await writeFile(inHome('jobs.yaml'), 'version: 1\njobs: []\n')
    await chmod(inHome('jobs.yaml'), 0o666)
    await anna.type(
      await anna.says('file-modes', 'fail', /jobs\.yaml has the mode 666 instead of 644/),
    )
    await anna.says('file-modes', 'ok')
  })

  it('F58: control-socket fails when the socket of commands is gone', async () => {
    await anna.says('control-socket', 'ok')
    await unlink(anna.node.home.socket)
    await checksOf(anna.node, 'control-socket', 'fail', /no command reaches this node/)
    await anna.restart()
    await anna.says('control-socket', 'ok')
  })

  it('F58: sizes warns of logs and memory that are out of bounds', async () => {
    await mkdir(inHome('logs'), { recursive: true, mode: 0o700 })
    const stranger = inHome('logs', 'other.log')
    await writeFile(stranger, '')
    await truncate(stranger, 300 * 1_048_576)
    await anna.says('sizes', 'warn', /logs has 300\.\d MiB, more than 256/)
    await unlink(stranger)
    await anna.says('sizes', 'ok')
    await writeFile(anna.node.home.memory, 'x'.repeat(1_048_576))
    await anna.says('sizes', 'warn', /MEMORY\.md/)
    await writeFile(anna.node.home.memory, '- one line\n')
    await anna.says('sizes', 'ok')
  })

  it('F58: leftovers warns of what was left when a process was killed, and of an old home', async () => {
    const day = 86_400_000
    const [drill, before] = [`${path}.drill-0123abcd`, `${path}.before-20260101T000000Z`]
    await mkdir(drill)
    await writeFile(join(drill, 'key'), 'secret')
    // Somebody may be at work.
    await anna.says('leftovers', 'ok')
    const later = Date.now() + 3_600_000
    await findingsAt(anna.node, later, 'warn', /drill-0123abcd is what was left/)
    await fixAt(anna.node.home, later)
    await findingsAt(anna.node, later, 'ok')
    await mkdir(before)
    await findingsAt(anna.node, later, 'ok', /but for the home from before the last restore/)
    const hint = await findingsAt(
      anna.node,
      Date.now() + 15 * day,
      'warn',
      /is kept from before a restore, 15 days ago/,
    )
    await anna.type(hint)
    await findingsAt(anna.node, Date.now() + 15 * day, 'ok', /there are none/)
  })
})

async function until(isSo: () => boolean): Promise<void> {
  await eventually(() => {
    assert.ok(isSo())
  })
}
