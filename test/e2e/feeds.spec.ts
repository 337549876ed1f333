/*
 * A feed of a node that runs as a process: files in a folder, a program that is given each, one that fails over one of
 * them, and `kill -9` in the middle.
 */
import assert from 'node:assert/strict'
import { appendFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SETTLE_MS } from '../../src/node/scheduler/feed/select.ts'
import { eventually } from '../helpers/eventually.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { kith } from '../helpers/run-kith.ts'

describe('feeds', function () {
  this.timeout(60_000)
  const make = liveNodes()
  let node: LiveNode
  let inbox: string
  let effects: string
  let count = 0

  beforeEach(async () => {
    node = await make(`feeder${count++}`)
    inbox = join(node.home.path, 'inbox')
    effects = join(node.home.path, 'effects')
    await mkdir(inbox, { mode: 0o700 })
    // What is under way at the end of a test is not waited for.
    await appendFile(node.home.config, 'stop: { drain_seconds: 1 }\n')
    const script = `read text; echo "$text" >> ${effects}; [ "$text" != poison ] && echo "did $text"
      [ "$text" = poison ] && exit 3; [ "$text" = slow ] && exec sleep 60; exit 0`
    const job = {
      ...{ name: 'inbox', zone: 'UTC', schedule: { kind: 'manual' } },
      feed: { folder: inbox, accept: ['*.txt'], quarantine_after: 2 },
      target: { kind: 'command', argv: ['/bin/sh', '-c', script] },
    }
    const jobs = JSON.stringify({ version: 1, jobs: [job] })
    await writeFile(node.home.jobs, jobs, { mode: 0o600 })
  })
  afterEach(async () => {
    await node.stop()
  })

  async function drop(...words: string[]): Promise<void> {
    for (const word of words) await writeFile(join(inbox, `${word}.txt`), `${word}\n`)
    const { ctimeMs } = await stat(join(inbox, `${words.at(-1) ?? ''}.txt`))
    await eventually(() => {
      assert.ok(Date.now() - ctimeMs > SETTLE_MS)
    })
  }

  const given = async (): Promise<string[]> =>
    (await readFile(effects, 'utf8')).trimEnd().split('\n').sort()

  it('hand over each file once, set a poison item aside, and let it go again', async () => {
    await drop('one', 'poison', 'two')
    const first = await kith(node, 'start', '--once', 'inbox')
    assert.equal(first.code, 1, first.err)
    assert.deepEqual(await given(), ['one', 'poison', 'two'])
    await kith(node, 'start', '--once', 'inbox')
    assert.equal((await kith(node, 'start', '--once', 'inbox')).code, 0)
    assert.deepEqual(await given(), ['one', 'poison', 'poison', 'two'])

    await node.start()
    const aside = await kith(node, 'jobs', 'feed', 'inbox', '--quarantined')
    assert.match(aside.out, /quarantined +.* +2 +poison\.txt +program-failed: .*exit code 3/)
    const { problems } = await node.client.call('status', {})
    assert.ok(problems.some(({ what }) => what === '1 item of job inbox was set aside'))
    assert.match(
      (await kith(node, 'jobs', 'feed', 'inbox', '--release', 'all')).out,
      /^waits again: +poison\.txt\n$/,
    )
    await kith(node, 'jobs', 'run', 'inbox', '--wait')
    assert.equal((await given()).filter((word) => word === 'poison').length, 3)
  })

  it('give an item again that was under way when the node was killed, and tell of it', async () => {
    await drop('slow')
    await node.start()
    await node.client.call('runJob', { job: 'inbox' })
    await eventually(async () => {
      assert.deepEqual(await given(), ['slow'])
    })
    await node.kill()
    await node.start()
    const { items } = await node.client.call('feed', { job: 'inbox' })
    assert.equal(items[0]?.state, 'underway')
    await node.client.call('runJob', { job: 'inbox' })
    await eventually(async () => {
      assert.deepEqual(await given(), ['slow', 'slow'])
    })
    const [slow] = (await node.client.call('feed', { job: 'inbox' })).items
    assert.deepEqual(
      [slow?.state, slow?.failures, slow?.failure?.code],
      ['underway', 1, 'interrupted'],
    )
  })
})
