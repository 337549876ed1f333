import assert from 'node:assert/strict'
import { chmod, mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { describeIdentity } from '../../../src/node/backup/describe-identity.ts'
import { drillBackup } from '../../../src/node/backup/drill.ts'
import type { DrillReport } from '../../../src/node/backup/drill.ts'
import { homeOf } from '../../../src/node/home.ts'
import type { Home } from '../../../src/node/home.ts'
import { createIdentity, openIdentity } from '../../../src/node/identity.ts'
import { signingBy } from '../../../src/node/backup/sign-backup.ts'
import { Self } from '../../../src/node/self.ts'
import { nodeIdOf } from '../../../src/protocol/node-id.ts'
import type { BackupInit } from '../../../src/store/backup/home-backup.ts'
import { Database } from '../../../src/store/database.ts'
import { editPeers } from '../../../src/store/peers-file.ts'
import { idOf, NOW } from '../../helpers/ask-calls.ts'
import { backUpHere, putRows } from '../../helpers/backup-home.ts'
import { CLEAR } from '../../helpers/key-homes.ts'
import { sealKeys } from '../../helpers/sealed-keys.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

describe('a drill', () => {
  const folder = tempFolder()
  let home: Home
  let file: string
  let identity: string
  let recipients: string[]

  before(async () => {
    identity = await generateX25519Identity()
    recipients = [await identityToRecipient(identity)]
  })
  beforeEach(async () => {
    home = homeOf({ KITH_HOME: join(folder(), 'home') }, undefined)
    file = join(folder(), 'a.age')
  })

  async function make(): Promise<void> {
    await mkdir(home.path, { mode: 0o700 })
    await createIdentity(home.path, CLEAR, NOW)
  }

  async function backUp(change: Partial<BackupInit> = {}): Promise<void> {
    await backUpHere({
      ...{ home: home.path, describe: describeIdentity, to: file, lock: { recipients } },
      sign: signingBy(new Self(await openIdentity(home.path, 'p'))),
      ...change,
    })
  }

  async function drill(passphrase?: string): Promise<DrillReport> {
    const key = { identities: [identity] }
    const onProgress = (): void => undefined
    return await drillBackup({ file, key, home, passphrase, wanted: {}, onProgress })
  }

  function statesOf({ findings }: DrillReport): Record<string, string> {
    return Object.fromEntries(findings.map(({ check, state }) => [check, state]))
  }

  const well = {
    ...{
      archive: 'ok',
      author: 'ok',
      identity: 'ok',
      keys: 'ok',
      config: 'ok',
      peers: 'ok',
      store: 'ok',
    },
    node: 'ok',
  }

  it('starts the node of a backup, and leaves nothing', async () => {
    await make()
    await backUp()
    const before = await readdir(folder())
    const report = await drill()
    assert.deepEqual([report.ok, statesOf(report)], [true, well])
    assert.equal(report.summary?.sn, 0)
    assert.deepEqual(await readdir(folder()), before)
  })

  it('wants no passphrase of the keys, and opens them where it is given', async () => {
    await make()
    await sealKeys(home.path, 'p')
    await backUp()
    assert.deepEqual(statesOf(await drill()), { ...well, keys: 'unchecked' })
    assert.deepEqual(statesOf(await drill('p')), well)
    const wrong = await drill('q')
    assert.deepEqual([wrong.ok, statesOf(wrong)['keys']], [false, 'fail'])
  })

  it('connects to nobody, though somebody is there who is pinned', async () => {
    let connections = 0
    const server = createServer((socket) => {
      connections += 1
      socket.destroy()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    await make()
    const addresses = [`/ip4/127.0.0.1/tcp/${port}`]
    await editPeers(home.peers, { op: 'add', peer: { name: 'bob', id: idOf('bob'), addresses } })
    await backUp()
    assert.deepEqual(statesOf(await drill()), well)
    assert.equal(connections, 0)
    await new Promise((resolve) => server.close(resolve))
  })

  it('finds a config and a peers.yaml that no node takes', async () => {
    await make()
    await writeFile(home.config, 'nmae: alice\n', { mode: 0o600 })
    await writeFile(home.peers, 'peers: [', { mode: 0o600 })
    await backUp()
    const report = await drill()
    assert.equal(report.ok, false)
    const { config, node, peers } = statesOf(report)
    assert.deepEqual([config, peers, node], ['fail', 'fail', 'fail'])
  })

  it('finds a journal with a hole in it', async () => {
    await make()
    const database = await Database.open(home.store)
    await putRows(database, { '00000000000002': 'no entry' }, 'costs')
    await database.close()
    await backUp()
    assert.deepEqual(statesOf(await drill())['store'], 'fail')
  })

  it('finds a backup of another node than it says, and one that is damaged', async () => {
    await make()
    const node = nodeIdOf(new Uint8Array(3))
    await backUp({
      sign: undefined,
      describe: (content) => ({ ...describeIdentity(content), node }),
    })
    const report = await drill()
    assert.deepEqual([report.ok, statesOf(report)], [false, { archive: 'fail' }])
    assert.match(report.findings[0]?.what ?? '', /not of the node that it says/)
  })

  it('takes away what a drill has left that was killed a day ago', async () => {
    await make()
    await backUp()
    for (const [name, days] of [
      ['old', 2],
      ['young', 0],
    ] as const) {
      const path = join(folder(), `home.drill-${name}`)
      await mkdir(path)
      const at = Date.now() / 1_000 - days * 86_400
      await utimes(path, at, at)
    }
    await chmod(folder(), 0o700)
    await drill()
    const left = (await readdir(folder())).filter((name) => name.includes('.drill-'))
    assert.deepEqual(left, ['home.drill-young'])
  })
})
