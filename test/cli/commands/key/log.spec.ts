import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PeerKeysReport } from '../../../../src/node/control/api.ts'
import { tempFolder } from '../../../helpers/temp-folder.ts'
import { FakeCli } from '../../fake-cli.ts'
import { ID } from '../../reports.ts'
import { keyReport, offlineKeys } from './reports.ts'

const EXPORTED = {
  id: ID,
  words: ['bread', 'lunar', 'sketch', 'search'],
  events: 2,
  frozen: false,
  file: '{"version":1,"log":["AA"]}\n',
}

describe('kith key log', () => {
  const folder = tempFolder()
  let cli: FakeCli
  let path: string

  beforeEach(() => {
    cli = new FakeCli()
    path = join(folder(), 'exported')
  })

  const bob: PeerKeysReport = {
    peer: 'bob',
    id: ID,
    state: 'in-force',
    log: keyReport.log.map((event) => ({ ...event, seenAt: event.at })),
    conflict: [],
  }

  it('NAME shows the log of a peer as it is held, and when each event was first seen here', async () => {
    cli.answers = { peerKeys: () => bob }
    assert.equal(await cli.kith('key', 'log', 'bob'), 0)
    assert.match(cli.stdout.text, /^SN +WHAT +MADE +SEEN HERE +KEY +HASH\n0 +inception/)
    assert.deepEqual(cli.calls, [['peerKeys', { name: 'bob' }]])
  })

  it('NAME says of a peer that has shown none that there is none, and needs a node that runs', async () => {
    cli.answers = { peerKeys: () => ({ ...bob, log: [] }) }
    assert.equal(await cli.kith('key', 'log', 'bob'), 0)
    assert.equal(cli.stdout.text, 'bob has not shown its key log yet\n')
    cli.answers = {}
    assert.equal(await cli.kith('key', 'log', 'bob'), 6)
  })

  it('--export writes the log of a peer to a file, and says what it is good for', async () => {
    cli.answers = { exportKeyLog: () => EXPORTED }
    assert.equal(await cli.kith('-p', 'work', 'key', 'log', 'bob', '--export', path), 0)
    assert.equal(await readFile(path, 'utf8'), EXPORTED.file)
    assert.deepEqual(cli.calls, [['exportKeyLog', { peer: 'bob' }]])
    assert.ok(cli.stdout.text.includes(`${ID} (bread lunar sketch search), 2 events`))
    assert.ok(cli.stderr.text.includes(`: kith key recover --log ${path}\n`))
  })

  it('--export says when another log stands against what it has written', async () => {
    cli.answers = { exportKeyLog: () => ({ ...EXPORTED, frozen: true }) }
    await cli.kith('key', 'log', 'bob', '--export', path)
    assert.match(cli.stderr.text, /another log stands against it/)
  })

  it('--export writes this node’s own without a running node, and has JSON', async () => {
    const { calls } = offlineKeys(cli, { exportKeyLog: () => EXPORTED })
    assert.equal(await cli.kith('key', 'log', '--export', path, '--json'), 0)
    assert.deepEqual(calls, [['exportKeyLog', {}]])
    const { events, frozen, id, words } = EXPORTED
    assert.deepEqual(cli.stdout.json, [{ path, id, words, events, frozen }])
    assert.equal(cli.stderr.text, '')
  })

  it('--export replaces no file', async () => {
    await writeFile(path, 'mine')
    cli.answers = { exportKeyLog: () => EXPORTED }
    assert.equal(await cli.kith('key', 'log', 'bob', '--export', path), 1)
    assert.match(cli.stderr.text, /is there already/)
    assert.equal(await readFile(path, 'utf8'), 'mine')
  })
})
