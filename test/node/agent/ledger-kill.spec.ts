import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { amountOf } from '../../../src/node/agent/cost-record.ts'
import { LedgerHome } from '../../helpers/ledger-home.ts'
import { CAP_MICRO_USD, MOST_MICRO_USD } from '../../helpers/spend-until-killed.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const TODAY = 'day!2026-11-21!all'
const SCRIPT = new URL('../../helpers/spend-until-killed.ts', import.meta.url).pathname

/** How many lines a process has printed when it is killed: at its start, in the middle, and when the cap is used up. */
const KILLS = [1, 2, 9, 40, 101, 250, Infinity]

describe('a ledger whose process is killed', () => {
  const folder = tempFolder()

  /** Lets a process spend until it has acknowledged so much, and kills it. Returns what it has acknowledged. */
  async function spendUntil(lines: number): Promise<{ reserved: number; settled: number }> {
    const child = spawn(process.execPath, [SCRIPT, folder()], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const acknowledged = { reserved: 0, settled: 0 }
    for await (const line of createInterface(child.stdout)) {
      if (line === 'reserved' || line === 'settled') acknowledged[line]++
      const all = acknowledged.reserved + acknowledged.settled
      if (line === 'spent' || all >= lines) child.kill('SIGKILL')
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    assert.equal(child.signalCode, 'SIGKILL')
    return acknowledged
  }

  it('has lost nothing acknowledged, and spent no more than the cap', async function () {
    this.timeout(60_000)
    let records = 0
    for (const lines of KILLS) {
      const { reserved, settled } = await spendUntil(lines)
      const home = new LedgerHome(folder())
      const ledger = await home.open()
      const inRecords = ledger.journal.head.seq - records
      const open = ledger.accounts.reserved(TODAY).microUsd / MOST_MICRO_USD
      assert.ok(inRecords >= settled, `${inRecords} records of ${settled} settled`)
      assert.ok(inRecords + open >= reserved, `${inRecords} + ${open} of ${reserved} reserved`)
      assert.ok((await home.recorded()).microUsd + open * MOST_MICRO_USD <= CAP_MICRO_USD)

      assert.equal(await ledger.recover(), open)
      const { microUsd, tokens } = await home.recorded()
      const account = ledger.accounts.get(TODAY)
      assert.deepEqual([account.microUsd, account.tokens], [microUsd, tokens])
      assert.ok(microUsd <= CAP_MICRO_USD)
      assert.equal((await ledger.journal.verify()).intact, true)
      const ended = await Array.fromAsync(
        ledger.journal.read({ from: ledger.journal.head.seq - open + 1 }),
      )
      for (const { body } of ended.slice(0, open)) {
        assert.deepEqual([amountOf(body).microUsd, body.estimated], [MOST_MICRO_USD, true])
      }
      records = ledger.journal.head.seq
      await home.close()
    }
    const home = new LedgerHome(folder())
    await home.open()
    const left = CAP_MICRO_USD - (await home.recorded()).microUsd
    assert.ok(left <= CAP_MICRO_USD / 20, `${left} are left`)
    await home.close()
  })
})
