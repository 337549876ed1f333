import assert from 'node:assert/strict'
import { timeText } from '../../../src/cli/time-text.ts'
import type { ArtifactReport, Output } from '../../../src/node/control/api.ts'
import { FakeCli } from '../fake-cli.ts'

const AT = 1_790_000_000_000
const ID = '01a1fd5d-0392-7386-8375-5bed883ec731'

const report: ArtifactReport = {
  ...{ artifact: ID, job: 'digest', trace: ID, madeAt: AT, engine: 'model', model: 'local/qwen3' },
  sources: [{ ref: `ask:${ID}`, digest: 'cd'.repeat(32) }],
  hashes: { prompt: '0a'.repeat(32), context: '0b'.repeat(32), content: '0c'.repeat(32) },
  ...{
    sizeBytes: 12,
    inputBytes: 13,
    sensitivity: 'private',
    egress: 'local-model',
    review: 'unreviewed',
  },
}
const accepted: ArtifactReport = {
  ...report,
  ...{ artifact: ID.replace(/1$/, '0'), review: 'accepted', reviewedBy: 'self', reviewedAt: AT },
}
const shown: Output<'showArtifact'> = {
  ...report,
  ...{
    prompt: 'what is new',
    context: '{}',
    content: 'Zwei\u001B[2JBriefe.\nEnde\n',
    intact: true,
  },
  deliveries: [
    { to: 'file /srv/x', state: 'held', attempts: 0 },
    {
      ...{ to: 'peer bob', state: 'dead', attempts: 2 },
      failure: { code: 'denied', why: 'no \u001B[31m' },
    },
  ],
}

describe('kith artifacts', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
    cli.answers = {
      artifacts: () => ({ artifacts: [report, accepted] }),
      showArtifact: () => shown,
      reviewArtifact: (input) =>
        input.verdict === 'accepted'
          ? accepted
          : { ...report, review: 'rejected', reason: input.reason },
      deliverAgain: () => [{ to: 'file /srv/x', state: 'waiting', attempts: 0 }],
    }
  })

  for (const args of [['artifacts'], ['artifacts', 'list']]) {
    it(`lists what jobs have made, with ${args.join(' ')}`, async () => {
      assert.equal(await cli.kith(...args), 0)
      assert.deepEqual(cli.calls, [['artifacts', { limit: 20 }]])
      const [head, first, second] = cli.stdout.text.split('\n')
      assert.match(head ?? '', /^ID +JOB +MADE +REVIEW +BYTES +SENSITIVITY +BY$/)
      assert.match(
        first ?? '',
        new RegExp(`^${ID.slice(-8)} +digest +${timeText(AT)} +unreviewed +12 `),
      )
      assert.match(second ?? '', /accepted +12 +private +model local\/qwen3$/)
      assert.match(cli.stderr.text, /kith artifacts show ID/)
    })
  }

  it('lists what is asked for, and tells how to go on', async () => {
    cli.answers.artifacts = () => ({ artifacts: [accepted], cursor: ID })
    await cli.kith('artifacts', 'list', '--job', 'digest', '--accepted', '-n', '1', '--cursor', ID)
    assert.deepEqual(cli.calls, [
      ['artifacts', { job: 'digest', review: 'accepted', limit: 1, cursor: ID }],
    ])
    assert.match(cli.stderr.text, new RegExp(`--cursor ${ID}`))
    assert.equal(await cli.kith('artifacts', 'list', '--accepted', '--rejected'), 2)
  })

  it('says so when there is nothing', async () => {
    cli.answers.artifacts = () => ({ artifacts: [] })
    await cli.kith('artifacts')
    assert.equal(cli.stdout.text, 'no results\n')
  })

  it('shows a result, moved in and safe for a terminal, and where it comes from', async () => {
    assert.equal(await cli.kith('artifacts', 'show', ID), 0)
    const { text } = cli.stdout
    assert.match(text, /\n\n {4}ZweiBriefe\.\n {4}Ende\n$/)
    assert.equal(text.includes('\u001B'), false)
    assert.match(text, /^by +model local\/qwen3$/m)
    assert.match(text, /^content +(0c){32} \(SHA-256\)$/m)
    assert.match(text, new RegExp(`^source +(cd){32} ask:${ID}$`, 'm'))
    assert.match(text, /^delivery +file \/srv\/x: held after 0$/m)
    assert.match(text, /^delivery +peer bob: dead after 2 \(denied: no \)$/m)
    assert.match(cli.stderr.text, /kith artifacts approve/)
  })

  it('gives the result alone, byte for byte, to a file or a pipe and to no terminal', async () => {
    assert.equal(await cli.kith('artifacts', 'show', ID, '--raw'), 0)
    assert.equal(cli.stdout.text, shown.content)
    cli.stdout.isTTY = true
    cli.stdout.text = ''
    assert.equal(await cli.kith('artifacts', 'show', ID, '--raw'), 2)
    assert.equal(cli.stdout.text, '')
  })

  it('shows nothing that is not what its hashes are of', async () => {
    cli.answers.showArtifact = () => ({ ...shown, intact: false })
    for (const option of ['--raw', '--json']) {
      assert.equal(await cli.kith('artifacts', 'show', ID, option), 1)
    }
    assert.equal(cli.stdout.text.includes('Briefe'), false)
  })

  it('accepts a result, and rejects one for a reason', async () => {
    assert.equal(await cli.kith('artifacts', 'approve', ID), 0)
    assert.equal(await cli.kith('artifacts', 'reject', ID, '--why', 'it is wrong'), 0)
    assert.deepEqual(cli.calls, [
      ['reviewArtifact', { artifact: ID, verdict: 'accepted' }],
      ['reviewArtifact', { artifact: ID, verdict: 'rejected', reason: 'it is wrong' }],
    ])
    assert.equal(await cli.kith('artifacts', 'reject', ID), 2)
  })

  it('lets the program of a job accept and reject nothing', async () => {
    cli.env['KITH_JOB'] = 'digest'
    assert.equal(await cli.kith('artifacts', 'approve', ID), 7)
    assert.equal(await cli.kith('artifacts', 'reject', ID, '--why', 'no'), 7)
    assert.deepEqual(
      cli.calls.map(([name]) => name),
      ['noteRefusal', 'noteRefusal'],
    )
    assert.equal(await cli.kith('artifacts', 'show', ID), 0)
  })

  it('delivers again what did not arrive', async () => {
    assert.equal(await cli.kith('artifacts', 'deliver', ID), 0)
    assert.deepEqual(cli.calls, [['deliverAgain', { run: ID }]])
    assert.match(cli.stdout.text, /^file \/srv\/x +waiting$/m)
    cli.answers.deliverAgain = () => []
    await cli.kith('artifacts', 'deliver', ID)
    assert.match(cli.stdout.text, /nothing to deliver again/)
  })

  const asJson: [args: string[], what: object][] = [
    [['list'], { artifacts: [report, accepted] }],
    [['show', ID], shown],
    [['approve', ID], accepted],
    [['reject', ID, '--why', 'no'], { ...report, review: 'rejected', reason: 'no' }],
    [['deliver', ID], [{ to: 'file /srv/x', state: 'waiting', attempts: 0 }]],
  ]
  for (const [args, what] of asJson) {
    it(`prints JSON with ${args[0] ?? ''} --json`, async () => {
      assert.equal(await cli.kith('artifacts', ...args, '--json'), 0)
      assert.deepEqual(cli.stdout.json, [what])
      assert.equal(cli.stderr.text, '')
    })
  }
})
