import assert from 'node:assert/strict'
import { FakeCli } from '../fake-cli.ts'
import { bob, status } from '../reports.ts'

describe('kith status', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
  })

  it('shows the node and its peers', async () => {
    cli.answers = { status: () => status }
    assert.equal(await cli.kith('status'), 0)
    const { text } = cli.stdout
    assert.match(text, /^alice is healthy, up 3 min 5 s\n\nid /)
    assert.match(text, /^asks +1 running, 2 queued, 3 on their way to peers$/m)
    assert.match(text, /^jobs +2 on, 1 running, 0 waiting, next 2026-11-21/m)
    assert.match(text, /^bob +connected +ping,ask /m)
  })

  it('shows that nothing runs by itself where no job is on', async () => {
    cli.answers = { status: () => ({ ...status, jobs: { on: 0, running: 0, queued: 0 } }) }
    await cli.kith('status')
    assert.match(cli.stdout.text, /^jobs +none are on$/m)
  })

  it('shows what is wrong first, each with what to type', async () => {
    const problems = [
      { what: 'bob: not reachable', hint: 'kith peers show bob' },
      { what: 'peers.yaml: line 3' },
    ]
    cli.answers = { status: () => ({ ...status, health: 'degraded', problems }) }
    assert.equal(await cli.kith('-p', 'work', 'status'), 0)
    assert.match(
      cli.stdout.text,
      /^problem: bob: not reachable\n {4}try: kith -p work peers show bob\nproblem: peers.yaml: line 3\n\nalice is degraded/,
    )
  })

  it('fails when the node is unhealthy', async () => {
    cli.answers = { status: () => ({ ...status, health: 'unhealthy' }) }
    assert.equal(await cli.kith('status'), 1)
    assert.equal(await cli.kith('status', '--json'), 1)
  })

  it('shows a peer that is not connected, and none', async () => {
    const peers = [{ ...bob, state: 'waiting' as const, allow: [], connectedAt: undefined }]
    cli.answers = {
      status: () => JSON.parse(JSON.stringify({ ...status, peers })) as typeof status,
    }
    await cli.kith('status')
    assert.match(cli.stdout.text, /^bob +waiting +- +- +kith1/m)
    cli.answers = { status: () => ({ ...status, peers: [] }) }
    await cli.kith('status')
    assert.match(cli.stdout.text, /^no peers: kith invite NAME$/m)
  })

  it('lets no peer write to the terminal', async () => {
    const problems = [{ what: 'bob: \u001B[2Jgone', hint: 'kith\u001B]0;x\u0007 status' }]
    const peers = [{ ...bob, software: 'k\u001B[31m', state: 'frozen' as const }]
    cli.answers = { status: () => ({ ...status, problems, peers }) }
    await cli.kith('status')
    assert.ok(!cli.stdout.text.includes('\u001B'))
  })
})
