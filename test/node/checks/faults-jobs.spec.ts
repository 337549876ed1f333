import assert from 'node:assert/strict'
import { mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SETTLE_MS } from '../../../src/node/scheduler/feed/select.ts'
import { checkedNodes } from '../../helpers/checked-node.ts'
import type { CheckedNode } from '../../helpers/checked-node.ts'
import { eventually } from '../../helpers/eventually.ts'

/*
 * Each check of what a node does by itself: a real fault makes it fail, and the remedy that it names clears it.
 */
describe('checks of jobs and backups', function () {
  this.timeout(30_000)
  const make = checkedNodes()
  let anna: CheckedNode

  beforeEach(async () => {
    anna = make()
    await anna.start()
  })

  const beside = (name: string): string => join(anna.node.home.path, '..', name)

  async function importJob(job: object): Promise<void> {
    const file = beside('jobs.json')
    await writeFile(file, JSON.stringify({ version: 1, jobs: [job] }), { mode: 0o600 })
    const imported = await anna.kith('jobs', 'import', file)
    assert.equal(imported.code, 0, imported.err)
  }

  /** Runs a job to its end, well or not. */
  async function run(name: string): Promise<void> {
    await anna.kith('jobs', 'run', name, '--wait')
  }

  it('F58: jobs warns of one that asks nobody who is pinned, and of one that fails', async () => {
    await anna.says('jobs', 'ok')
    await anna.kith('jobs', 'add', 'morning', '--ask', 'carol', '--manual', '--enable', 'hello')
    const hint = await anna.says('jobs', 'warn', /nobody is pinned by that name/)
    assert.equal((await anna.type(`${hint} --ask self hello`)).code, 0)
    await eventually(() => anna.says('jobs', 'ok'))
    await anna.kith('jobs', 'add', 'broken', '--command', '--manual', '--enable', 'false')
    await run('broken')
    const failures = await anna.says('jobs', 'warn', /broken is failing/)
    assert.match((await anna.type(failures)).out, /broken/)
    await anna.kith('jobs', 'edit', 'broken', '--command', 'true')
    await run('broken')
    await eventually(() => anna.says('jobs', 'ok'))
  })

  it('F58: feeds warns of an item that was set aside, until it is given up', async () => {
    await anna.says('feeds', 'ok')
    const inbox = beside('inbox')
    await mkdir(inbox, { mode: 0o700 })
    const job = {
      ...{ name: 'inbox', enabled: true, zone: 'UTC', schedule: { kind: 'manual' } },
      feed: { folder: inbox, accept: ['*.txt'], quarantine_after: 1 },
      target: { kind: 'command', argv: ['false'] },
    }
    await importJob(job)
    const item = join(inbox, 'poison.txt')
    await writeFile(item, 'poison\n')
    const { ctimeMs } = await stat(item)
    await eventually(() => {
      assert.ok(Date.now() - ctimeMs > SETTLE_MS)
    })
    await run('inbox')
    const hint = await eventually(() =>
      anna.says('feeds', 'warn', /1 item of job inbox was set aside/),
    )
    assert.match((await anna.type(hint)).out, /poison/)
    await anna.kith('jobs', 'feed', 'inbox', '--discard', 'all')
    await eventually(() => anna.says('feeds', 'ok'))
  })

  it('F58: results warns of one that waits to be looked at before it is handed on', async () => {
    await anna.says('results', 'ok')
    await importJob({
      ...{ name: 'digest', enabled: true, zone: 'UTC', schedule: { kind: 'manual' } },
      target: { kind: 'command', argv: ['echo', 'news'] },
      deliver: [{ file: beside('digest.txt'), when: 'accepted' }],
    })
    await run('digest')
    const hint = await eventually(() => anna.says('results', 'warn', /1 result waits/))
    const { out } = await anna.type(`${hint} --json`)
    const id = /"artifact":"([^"]+)"/.exec(out)?.[1] ?? ''
    assert.equal((await anna.kith('artifacts', 'approve', id)).code, 0)
    await eventually(() => anna.says('results', 'ok'))
  })

  it('F58: backup warns of a try that failed, of an old one, and fails for a damaged one', async () => {
    await anna.says('backup', 'ok')
    const to = beside('backups')
    await anna.restart({ flags: { 'backup.to': to } })
    const key = beside('backup.key')
    const { recipient } = JSON.parse((await anna.kith('backup', 'keygen', key, '--json')).out) as {
      recipient: string
    }
    const create = ['--recipient', recipient, '--json']
    assert.notEqual((await anna.kith('backup', 'create', ...create)).code, 0)
    const again = await anna.says('backup', 'warn', /the last backup failed/)
    await mkdir(to, { mode: 0o700 })
    const { file } = JSON.parse((await anna.type([again, ...create].join(' '))).out) as {
      file: string
    }
    await anna.says('backup', 'ok')
    await writeFile(file, 'x'.repeat((await stat(file)).size))
    assert.notEqual((await anna.kith('backup', 'verify', file, '--identity', key)).code, 0)
    const hint = await anna.says('backup', 'fail', /is damaged/)
    assert.equal(hint, `kith backup create, then rm ${file}`)
    // Under another name: it may be made within the same second.
    await anna.kith('backup', 'create', '--to', join(to, 'again.age'), ...create)
    await rm(file)
    await anna.kith('backup', 'prune', '--yes')
    await anna.says('backup', 'ok')
  })

  it('F58: restore warns of a peer that nobody has met since, until it is met', async () => {
    const bert = make('bert')
    await bert.start()
    await anna.nodes.pin({ name: 'bert', id: bert.node.self.id, addresses: [] })
    await anna.nodes.pin({ name: 'anna', id: anna.node.self.id, allow: ['ping'] }, 'bert')
    await anna.says('restore', 'ok')
    const backupAt = Date.now() - 86_400_000
    const restored = { what: 'restored', file: '/backups/a.age', backupAt, by: 'self' } as const
    await anna.node.backups.records.add(restored)
    const hint = await eventually(() => anna.says('restore', 'warn', /bert was not met yet/))
    assert.equal(hint, 'kith ping bert')
    await anna.kith('peers', 'set-address', 'bert', ...bert.node.mesh.addresses())
    await eventually(async () => {
      assert.equal((await anna.type(`${hint} -c 1`)).code, 0)
    })
    await anna.says('restore', 'ok')
  })

  it('F58: alerts warns of what nobody has acknowledged', async () => {
    await anna.says('alerts', 'ok')
    anna.node.alerts.raise({
      kind: 'job-failed',
      what: 'the job broken failed',
      hint: 'kith jobs failures',
    })
    await anna.says('alerts', 'warn', /the job broken failed/)
    const hints = (await anna.doctor('alerts')).map(({ hint }) => hint ?? '')
    assert.equal((await anna.type(hints.at(-1) ?? '')).code, 0)
    await anna.says('alerts', 'ok')
  })
})
