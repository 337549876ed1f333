import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { KithError } from '../../../../src/protocol/errors.ts'
import { FeedHome } from '../../../helpers/feed-home.ts'
import { program } from '../../../helpers/programs.ts'
import { tempFolder } from '../../../helpers/temp-folder.ts'

const KILLS = 8
const FILES_A_KILL = 10
const MAX_DELAY_MS = 60

/** More writes than there are from the first look to the last item. */
const ALL_WRITES = 100

describe('a feed that is killed', () => {
  const folder = tempFolder()

  for (const [kind, target] of [
    ['command', { kind: 'command', argv: ['true'] }],
    ['ask', { kind: 'ask', peer: 'self', text: 'read this' }],
  ] as const) {
    it(`loses no item and gives none twice that is done, at whichever write it ends (${kind})`, async () => {
      let points = 0
      for (let at = 0; at < ALL_WRITES; at++) {
        points++
        if (await endsAt(at, target)) break
      }
      assert.ok(points > 10, `${points} points`)
    })
  }

  /** Ends it before write `at`. True when there was none. */
  async function endsAt(
    at: number,
    target: { readonly kind: string; readonly [key: string]: unknown },
  ): Promise<boolean> {
    const home = new FeedHome(join(folder(), `${target.kind}-${at}`))
    const asks: string[] = []
    home.does = ({ ask, name }) => {
      asks.push(`${name} ${ask}`)
      return 'done'
    }
    const job = home.job({}, { target })
    for (const name of ['a.md', 'b.md']) await home.drop(name)
    await home.open(job)
    const { database } = home
    const write = database.write.bind(database)
    let writes = 0
    database.write = async (operations, options) => {
      if (writes++ >= at) throw new KithError('stopping', 'the process has ended', {})
      await write(operations, options)
    }
    await home.due().catch(() => undefined)
    const given = [...home.given]
    await home.close()

    const scheduler = await home.open(job)
    const doneBefore = (await home.queue()).items.filter(({ state }) => state === 'done')
    await scheduler.look()
    await scheduler.idle()
    await home.due()
    await home.due()
    assert.deepEqual(await home.items(), ['a.md done', 'b.md done'], `write ${at}`)
    const after = home.given.slice(given.length)
    for (const { name } of doneBefore) assert.ok(!after.includes(name), `${name} twice at ${at}`)
    assert.ok(home.given.length <= 3, `write ${at}: ${home.given.join(' ')}`)
    // An ask that goes on is joined: there are no two of one item.
    if (target.kind === 'ask') assert.equal(new Set(asks).size, 2, `write ${at}`)
    await home.close()
    return writes <= at
  }

  it(`loses no item and gives none twice that is done, through ${KILLS} kills`, async function () {
    this.timeout(120_000)
    const home = new FeedHome(folder())
    const done: string[] = []
    for (let kill = 0; kill < KILLS; kill++) {
      for (let nth = 0; nth < FILES_A_KILL; nth++) await home.drop(`${kill}-${nth}.md`)
      // Counted from the start alone, the end would come before the first file on a machine that is busy.
      await killOnce(kill % 4 === 0 ? 'ready' : 'begun', done)
    }
    const restart = new FeedHome(folder())
    const scheduler = await restart.open(
      restart.job({ quarantine_after: 100, batch: 1_000 }, { pause_after: 100 }),
    )
    await scheduler.look()
    await restart.due()
    const { items } = await restart.queue()
    assert.equal(items.length, KILLS * FILES_A_KILL)
    assert.ok(items.every(({ state }) => state === 'done'))
    assert.deepEqual(done, [...new Set(done)], 'done twice')
    const effects = (await readFile(join(folder(), 'effects'), 'utf8')).split('\n')
    for (const { failures, name } of items) {
      const begun = effects.filter((line) => line === `begun ${name}`).length
      const again = restart.given.filter((one) => one === name).length
      // Each time but the last it was cut short, and that was counted, also where it had not begun.
      const given = begun + again
      assert.ok(given > 0 && given <= failures + 1, `${name}: ${given} times, ${failures} failed`)
      assert.ok(!(again > 0 && done.includes(name)), `${name} was done`)
    }
    await restart.close()
  })

  /** Lets a process work, and kills it soon after it has said this. What it said to be done goes to `done`. */
  async function killOnce(from: 'ready' | 'begun', done: string[]): Promise<void> {
    const child = spawn(process.execPath, [program('run-feed'), folder()], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exit = once(child, 'exit')
    for await (const line of createInterface(child.stdout)) {
      if (line === from) void delay(Math.random() * MAX_DELAY_MS).then(() => child.kill('SIGKILL'))
      else if (!['ready', 'begun', 'nothing new'].includes(line))
        done.push(line.split(':')[0] ?? '')
    }
    await exit
    assert.equal(child.signalCode, 'SIGKILL')
  }
})
