import assert from 'node:assert/strict'
import { timeText } from '../../../src/cli/time-text.ts'
import type { ApprovalReport, RememberedReport } from '../../../src/node/control/api.ts'
import { RefusedByPeer } from '../../../src/node/control/client.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { FakeCli } from '../fake-cli.ts'

const AT = 1_790_000_000_000
const ID = '01a1fd5d-0392-7386-8375-5bed883ec731'

const open: ApprovalReport = {
  approval: ID,
  state: 'open',
  ask: '01a1fd59-cf8b-7439-a210-16c85c16601c',
  asker: 'bert',
  session: 'notes',
  tool: 'write_file',
  class: 'write',
  what: 'write notes.md',
  openedAt: AT,
  expiresAt: AT + 3_600_000,
}
const decided: ApprovalReport = {
  ...open,
  approval: ID.replace(/1$/, '0'),
  state: 'granted',
  scope: 'always',
  by: 'laptop',
  closedAt: AT + 60_000,
}
const answer: RememberedReport = {
  approval: ID,
  scope: 'session',
  asker: 'bert',
  session: 'notes',
  tool: 'write_file',
  class: 'write',
  what: 'write notes.md',
  at: AT,
  by: 'self',
}

describe('kith approvals', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
    cli.answers = {
      approvals: ({ which }) => (which === 'all' ? [decided, open] : [open]),
      showApproval: () => decided,
      answerApproval: (input) => ({
        approval: input.approval,
        state: input.answer === 'deny' ? 'denied' : 'granted',
      }),
      rememberedAnswers: () => [answer],
      forgetAnswer: () => answer,
    }
  })

  for (const args of [['approvals'], ['approvals', 'list']]) {
    it(`shows by "${args.join(' ')}" what is open, and what to type`, async () => {
      assert.equal(await cli.kith('-p', 'work', ...args), 0)
      const [head = '', row = '', ...more] = cli.stdout.text.trimEnd().split('\n')
      assert.match(head, /^ID +FOR +STATE +TOOL +WHAT$/)
      assert.match(row, new RegExp(`^${ID}  bert  .* left +write_file  write notes.md$`))
      assert.deepEqual(more, [])
      assert.match(cli.stderr.text, /kith -p work approvals grant ID; else deny ID/)
    })
  }

  it('shows what was decided too, and how', async () => {
    await cli.kith('approvals', 'list', '--all')
    assert.match(cli.stdout.text, /granted always by laptop/)
    assert.deepEqual(cli.calls, [['approvals', { which: 'all' }]])
  })

  it('says when nothing waits', async () => {
    cli.answers.approvals = () => []
    await cli.kith('approvals')
    assert.equal(cli.stdout.text, 'nothing waits for you\n')
    assert.equal(cli.stderr.text, '')
  })

  it('shows no control characters, newlines or hidden text of a call', async () => {
    const what = 'write \u001B[2J\u202Enotes.md\nFAKE ROW'
    cli.answers.approvals = () => [{ ...open, what, tool: 'x\u0007y' }]
    cli.answers.showApproval = () => ({ ...open, what })
    await cli.kith('approvals')
    await cli.kith('approvals', 'show', ID)
    assert.doesNotMatch(cli.stdout.text, /[\u001B\u202E\u0007]/)
    assert.equal(cli.stdout.text.match(/^FAKE/m), null)
    assert.match(cli.stdout.text, /write notes.md FAKE ROW/)
  })

  it('shows whom the asker asks for, and all of a call', async () => {
    const details = '- a\n+ \u001B[2Jb'
    cli.answers.approvals = () => [{ ...open, chain: ['anna', 'bert'] }]
    cli.answers.showApproval = () => ({ ...open, chain: ['anna', 'bert'], details })
    await cli.kith('approvals')
    assert.match(cli.stdout.text, new RegExp(`^${ID}  anna > bert  `, 'mu'))
    await cli.kith('approvals', 'show', ID)
    assert.match(cli.stdout.text, /^for +anna > bert$/m)
    assert.match(cli.stdout.text, /\n\n- a\n\+ b\n$/)
    cli.answers.rememberedAnswers = () => [{ ...answer, first: 'anna' }]
    await cli.kith('approvals', 'remembered')
    assert.match(cli.stdout.text, new RegExp(`^${ID}  anna > bert, notes  `, 'mu'))
  })

  it('says when a yes could only be to this call', async () => {
    cli.answers.answerApproval = () => ({ approval: ID, state: 'granted', onceOnly: true })
    assert.equal(await cli.kith('approvals', 'grant', ID, '--always'), 0)
    assert.match(cli.stderr.text, /^kith: to this call alone: /)
    assert.doesNotMatch(cli.stderr.text, /forget/)
  })

  it('prints JSON as the node has it', async () => {
    await cli.kith('approvals', '--json')
    await cli.kith('approvals', 'show', ID, '--json')
    await cli.kith('approvals', 'grant', ID, '--json')
    await cli.kith('approvals', 'remembered', '--json')
    await cli.kith('approvals', 'forget', ID, '--json')
    const given = { approval: ID, state: 'granted' }
    assert.deepEqual(cli.stdout.json, [[open], decided, given, [answer], [answer]])
    assert.equal(cli.stderr.text, '')
  })

  it('shows all that is known of one', async () => {
    await cli.kith('approvals', 'show', ID)
    assert.match(cli.stdout.text, /^state +granted always by laptop$/m)
    assert.match(cli.stdout.text, /^session +notes$/m)
    assert.ok(cli.stdout.text.includes(timeText(AT + 60_000)))
    assert.equal(cli.stderr.text, '')
    cli.answers.showApproval = () => open
    await cli.kith('approvals', 'show', ID)
    assert.match(cli.stdout.text, /then it counts as no$/m)
    assert.match(cli.stderr.text, /approvals grant ID/)
  })

  const answers: [args: string[], input: object, told: string][] = [
    [['grant', ID], { answer: 'once' }, 'granted'],
    [['grant', ID, '--session'], { answer: 'session' }, 'granted'],
    [['grant', ID, '--always'], { answer: 'always' }, 'granted'],
    [['deny', ID], { answer: 'deny' }, 'denied'],
    [['grant', ID, '--at', 'server'], { answer: 'once', peer: 'server' }, 'granted'],
    [['deny', ID, '--at', 'server'], { answer: 'deny', peer: 'server' }, 'denied'],
  ]
  for (const [args, input, told] of answers) {
    it(`answers by "${args.join(' ').replace(ID, 'ID')}"`, async () => {
      assert.equal(await cli.kith('approvals', ...args), 0)
      assert.deepEqual(cli.calls, [['answerApproval', { approval: ID, ...input }]])
      assert.equal(cli.stdout.text, `${ID} is ${told}\n`)
      const lasting = args.includes('--session') || args.includes('--always')
      assert.equal(cli.stderr.text.includes(`kith approvals forget ${ID}`), lasting)
    })
  }

  it('takes no answer for the session and for always in one', async () => {
    assert.equal(await cli.kith('approvals', 'grant', ID, '--session', '--always'), 2)
    assert.deepEqual(cli.calls, [])
  })

  it('shows what waits at a peer, and how to answer there', async () => {
    assert.equal(await cli.kith('approvals', '--at', 'server'), 0)
    assert.deepEqual(cli.calls, [['approvals', { peer: 'server' }]])
    assert.match(cli.stderr.text, /approvals grant ID --at server/)
    assert.equal(await cli.kith('approvals', 'list', '--at', 'server', '--all'), 2)
  })

  it('exits 4 when the peer does not let this node answer', async () => {
    cli.answers.approvals = () => {
      throw new RefusedByPeer('denied', { rule: 'allow' })
    }
    assert.equal(await cli.kith('approvals', '--at', 'server'), 4)
  })

  it('shows what is remembered, and forgets it', async () => {
    await cli.kith('approvals', 'remembered')
    assert.match(
      cli.stdout.text,
      new RegExp(`^${ID}  bert, notes  .*  self  write_file  write`, 'm'),
    )
    await cli.kith('approvals', 'forget', ID)
    await cli.kith('approvals', 'forget', '--all')
    assert.deepEqual(
      cli.calls.map(([route]) => route),
      ['rememberedAnswers', 'forgetAnswer', 'rememberedAnswers', 'forgetAnswer'],
    )
    assert.match(cli.stdout.text, /forgot 1\nforgot 1\n$/)
    cli.answers.rememberedAnswers = () => []
    await cli.kith('approvals', 'remembered')
    assert.match(cli.stdout.text, /nothing is remembered\n$/)
  })

  for (const args of [[], [ID, '--all']]) {
    it(`forgets either one or all: "${args.join(' ').replace(ID, 'ID')}" is a misuse`, async () => {
      assert.equal(await cli.kith('approvals', 'forget', ...args), 2)
      assert.deepEqual(cli.calls, [])
    })
  }

  it('says what to type for an id that nothing has', async () => {
    cli.answers.showApproval = () => {
      throw new KithError(
        'unknown-approval',
        'no approval has the id x',
        { approval: 'x' },
        { hint: 'kith approvals list' },
      )
    }
    assert.equal(await cli.kith('approvals', 'show', 'x'), 1)
    assert.match(cli.stderr.text, /try: kith approvals list/)
  })

  it('says that no node runs, whatever is wanted', async () => {
    cli.answers = {}
    for (const args of [[], ['show', ID], ['grant', ID], ['remembered'], ['forget', '--all']]) {
      assert.equal(await cli.kith('approvals', ...args), 6)
    }
    assert.match(cli.stderr.text, /no node is running in .*\ntry: kith start/)
  })
})
