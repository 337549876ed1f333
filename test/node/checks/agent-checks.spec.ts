import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { limitOf } from '../../../src/agent/budget.ts'
import { agentSchema } from '../../../src/node/agent-config.ts'
import { Breakers } from '../../../src/node/agent/breakers.ts'
import { Spending } from '../../../src/node/agent/spending.ts'
import {
  approvalFindings,
  breakerFindings,
  budgetFindings,
  shellFinding,
} from '../../../src/node/checks/agent-checks.ts'
import type { AgentChecked } from '../../../src/node/checks/agent-checks.ts'
import type { Finding } from '../../../src/node/checks/finding.ts'
import type { Peer } from '../../../src/node/pins.ts'
import { OWNER, approvalHomes } from '../../helpers/approval-home.ts'
import { ledgerHomes, spendingAsk, usageOf } from '../../helpers/ledger-home.ts'
import { peerOf } from '../../helpers/stub-pins.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

/** A node of which the check looks at `agent` alone. */
function nodeWith(agent: Partial<AgentChecked['agent']>, peers: Peer[] = []): AgentChecked {
  const unused = (): never => {
    throw new TypeError('this check has no business here')
  }
  const blank = {
    approvals: { pending: unused },
    breakers: { list: unused },
    mcp: { faults: unused, reports: unused },
    spending: { today: unused },
  }
  return {
    agent: { ...blank, ...agent },
    pins: { peers: () => peers },
  }
}

const states = (findings: readonly Finding[]): string[] => findings.map(({ state }) => state)

describe('check shell', () => {
  const folder = tempFolder()
  const path = process.env['PATH']
  afterEach(() => {
    process.env['PATH'] = path
  })

  const model = agentSchema.parse({ engine: 'model' })

  it('warns while there is no bubblewrap, until it is installed', async function () {
    const bwrap = spawnSync('sh', ['-c', 'command -v bwrap'], { encoding: 'utf8' }).stdout.trim()
    if (bwrap === '') {
      process.stderr.write('    SKIPPED: there is no bubblewrap (bwrap) here\n')
      this.skip()
    }
    const bin = join(folder(), 'bin')
    await mkdir(bin)
    process.env['PATH'] = bin
    const { hint, state, what } = await shellFinding(model)
    assert.deepEqual([state, hint?.startsWith('install bubblewrap')], ['warn', true])
    assert.match(what, /there is no bubblewrap/)
    await symlink(bwrap, join(bin, 'bwrap'))
    assert.equal((await shellFinding(model)).state, 'ok')
  })

  it('is content without bubblewrap where nothing would call it', async () => {
    process.env['PATH'] = folder()
    for (const config of [
      { engine: 'builtin' },
      { engine: 'command' },
      { engine: 'model', tools: { deny: ['shell'] } },
      { engine: 'model', shell: { sandbox: 'off' } },
    ]) {
      assert.equal((await shellFinding(agentSchema.parse(config))).state, 'ok')
    }
  })
})

describe('check breakers', () => {
  const home = ledgerHomes()

  it('warns of each that is open, until it is reset', async () => {
    const { clock, database } = home()
    const log = pino({ level: 'silent' })
    const breakers = await Breakers.open({ database, clock, random: () => 0, log })
    const node = nodeWith({ breakers })
    const failAt = (name: string, times: number): void => {
      for (let n = 0; n < times; n++) breakers.enter(name).failed()
    }
    failAt('provider far', 4)
    assert.deepEqual(breakerFindings(node), [{ state: 'ok', what: 'none is open' }])
    failAt('provider near', 5)
    const [found, ...rest] = breakerFindings(node)
    assert.deepEqual([found?.state, rest], ['warn', []])
    assert.match(found?.what ?? '', /^provider near has failed, and is left alone until 2026-/)
    assert.equal(found?.hint, "kith breaker reset 'provider near'")
    await breakers.reset('provider near')
    assert.deepEqual(states(breakerFindings(node)), ['ok'])
  })
})

describe('check approvals', () => {
  const home = approvalHomes()

  it('warns while calls wait, until they are answered', async () => {
    const { approvals } = home()
    const node = nodeWith({ approvals })
    assert.deepEqual(approvalFindings(node), [{ state: 'ok', what: 'nothing waits for you' }])
    const [one, other] = [await home().waiting(1), await home().waiting(2)]
    assert.deepEqual(approvalFindings(node), [
      { state: 'warn', what: '2 calls of tools wait for you', hint: 'kith approvals' },
    ])
    await approvals.answer(one.id, 'deny', OWNER)
    assert.match(approvalFindings(node)[0]?.what ?? '', /^1 call /)
    await approvals.answer(other.id, 'once', OWNER)
    assert.deepEqual(states(approvalFindings(node)), ['ok'])
  })
})

describe('check budget', () => {
  const home = ledgerHomes()

  async function spend(microUsd: number): Promise<void> {
    const reservation = await home().ledger.reserve(spendingAsk(), usageOf(microUsd))
    await reservation.settle(usageOf(microUsd))
  }

  function node(): AgentChecked {
    const { caps, clock, database, ledger } = home()
    const components = { database, ledger, clock, askerDay: () => caps.askerDay, zone: () => 'UTC' }
    return nodeWith({ spending: new Spending(components, caps) }, [peerOf('bob')])
  }

  it('warns of a peer from 80 % of its day on, until its cap is raised', async () => {
    home().caps.askerDay = limitOf({ usd: 1 })
    await spend(799_999)
    assert.deepEqual(await budgetFindings(node()), [
      { state: 'ok', what: 'no cap of today is near its end' },
    ])
    await spend(1)
    assert.deepEqual(await budgetFindings(node()), [
      {
        state: 'warn',
        what: '80 % of what bob may spend today are spent',
        hint: 'kith budget; raise the daily caps of bob in peers.yaml, or wait for 2026-11-22 00:00 UTC',
      },
    ])
    home().caps.askerDay = limitOf({ usd: 2 })
    assert.deepEqual(states(await budgetFindings(node())), ['ok'])
  })

  it('warns of a job from 80 % of its day on', async () => {
    const ask = spendingAsk(1, 'bob', { job: { name: 'nightly', cap: { microUsd: 100 } } })
    await (await home().ledger.reserve(ask, usageOf(79))).settle(usageOf(79))
    assert.deepEqual(states(await budgetFindings(node())), ['ok'])
    await (await home().ledger.reserve(ask, usageOf(1))).settle(usageOf(1))
    assert.deepEqual(await budgetFindings(node()), [
      {
        state: 'warn',
        what: '80 % of what job nightly may spend today are spent',
        hint: 'kith budget; raise the caps that asks of job nightly bring, or wait for 2026-11-22 00:00 UTC',
      },
    ])
  })

  it('warns of the day of the node, and says when nothing new begins', async () => {
    home().caps.day = limitOf({ usd: 1 })
    await spend(940_000)
    await spend(10_000)
    const [found, ...rest] = await budgetFindings(node())
    assert.deepEqual(rest, [])
    assert.match(found?.what ?? '', /^95 % of what this node may .*: nothing new begins$/)
    assert.match(found?.hint ?? '', /raise agent\.budget in config\.yaml and restart/)
  })
})
