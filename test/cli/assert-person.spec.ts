import assert from 'node:assert/strict'
import { EXIT } from '../../src/cli/exit-codes.ts'
import { askId } from '../helpers/ask-calls.ts'
import { FakeCli } from './fake-cli.ts'

const ID = askId(1)

describe('what is for a person', () => {
  for (const command of [
    ['artifacts', 'approve', ID],
    ['artifacts', 'reject', ID, '--why', 'no'],
    ['approvals', 'grant', 'a1'],
    ['approvals', 'deny', 'a1', '--at', 'nas'],
    ['stop'],
    ['key', 'rotate'],
    ['key', 'retire'],
  ]) {
    it(`does not happen in the program of a job: kith ${command.slice(0, 2).join(' ')}`, async () => {
      const cli = new FakeCli()
      cli.env['KITH_JOB'] = 'digest'
      assert.equal(await cli.kith(...command), EXIT.needsPerson)
      assert.deepEqual(cli.calls, [])
      assert.match(
        cli.stderr.text,
        /this is the program of job digest: kith \w+( \w+)? is for a person/,
      )
    })
  }

  it('is not what asks and looks: those a program may', async () => {
    const cli = new FakeCli()
    cli.env['KITH_JOB'] = 'digest'
    cli.answers.approvals = () => []
    assert.equal(await cli.kith('approvals', 'list'), 0)
  })
})
