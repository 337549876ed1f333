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
    ['daemon', 'stop'],
    ['daemon', 'restart'],
    ['service', 'install'],
    ['service', 'uninstall'],
    ['config', 'set', 'log.level', 'debug'],
    ['profile', 'remove', 'work'],
    ['token', 'create', 'ci', '--scope', 'admin'],
    ['dashboard'],
    ['peers', 'add', 'bob', `kith1${'a'.repeat(52)}`],
    ['peers', 'allow', 'bob', 'ask'],
    ['peers', 'confirm', 'bob'],
    ['peers', 'accept', 'a'.repeat(64), 'bob'],
    ['mcp-tools', 'accept', 'files'],
    ['invite', 'bob'],
    ['join', 'kith://x'],
  ]) {
    for (const [name, value, program] of [
      ['KITH_JOB', 'digest', 'job digest'],
      ['KITH_ASKER', 'bob', 'an ask of bob'],
      ['KITH_PROGRAM', '1', 'an agent'],
    ] as const) {
      it(`F55: does not happen in the program of ${program}: kith ${command.slice(0, 2).join(' ')}`, async () => {
        const cli = new FakeCli()
        cli.env[name] = value
        assert.equal(await cli.kith(...command), EXIT.needsPerson)
        const [[route, input] = []] = cli.calls
        assert.equal(cli.calls.length, 1)
        assert.equal(route, 'noteRefusal')
        const { by, task } = input as { by: string; task: string }
        assert.equal(by, program)
        assert.ok(cli.stderr.text.includes(`the program of ${program}: ${task} is for a person`))
      })
    }
  }

  it('is not what asks and looks: those a program may', async () => {
    const cli = new FakeCli()
    cli.env['KITH_JOB'] = 'digest'
    cli.answers.approvals = () => []
    assert.equal(await cli.kith('approvals', 'list'), 0)
  })
})
