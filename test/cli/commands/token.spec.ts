import assert from 'node:assert/strict'
import { timeText } from '../../../src/cli/time-text.ts'
import type { TokenReport } from '../../../src/node/control/api.ts'
import { FakeCli } from '../fake-cli.ts'

const AT = 1_790_000_000_000
const TEXT = `kith_0123456789ab_${'A'.repeat(43)}`

const token: TokenReport = {
  ...{ id: '0123456789ab', name: 'ci', scope: 'tasks', preset: 'read-only' },
  createdAt: AT,
}

describe('kith token', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
    cli.answers = {
      createToken: ({ expiresAt }) => ({
        ...token,
        text: TEXT,
        ...(expiresAt === undefined ? {} : { expiresAt }),
      }),
      tokens: () => [token, { ...token, name: 'ops', scope: 'read', lastUsedAt: AT + 1_000 }],
      revokeToken: () => token,
    }
  })

  it('shows a new one alone on its output, and says that it is the last time', async () => {
    assert.equal(await cli.kith('token', 'create', 'ci', '--scope', 'tasks'), 0)
    assert.equal(cli.stdout.text, `${TEXT}\n`)
    assert.match(cli.stderr.text, /shown once.*kith token revoke ci/)
    assert.deepEqual(cli.calls, [['createToken', { name: 'ci', scope: 'tasks', preset: 'none' }]])
  })

  it('ends it when it is told to', async () => {
    const before = Date.now()
    await cli.kith(
      'token',
      'create',
      'ci',
      '--scope',
      'admin',
      '--preset',
      'full',
      '--expires',
      '30d',
      '--json',
    )
    const [, input] = cli.calls[0] ?? []
    const { expiresAt = 0 } = input as { expiresAt?: number }
    assert.ok(expiresAt - before >= 30 * 86_400_000 && expiresAt - before < 31 * 86_400_000)
    assert.deepEqual(cli.stdout.json, [{ ...token, text: TEXT, expiresAt }])
  })

  for (const args of [
    ['create', 'ci'],
    ['create', '--scope', 'read'],
    ['create', 'ci', '--scope', 'root'],
  ]) {
    it(`wants a name and a scope that there is, not: ${args.join(' ')}`, async () => {
      assert.equal(await cli.kith('token', ...args), 2)
      assert.deepEqual(cli.calls, [])
    })
  }

  it('lists them with what they may and when they were last used', async () => {
    await cli.kith('token', 'list')
    const made = timeText(AT)
    assert.match(cli.stdout.text, new RegExp(`^ci +tasks +read-only +${made} +never +-$`, 'm'))
    assert.match(cli.stdout.text, new RegExp(`^ops +read .*never +${timeText(AT + 1_000)}$`, 'm'))
  })

  it('revokes one by its name', async () => {
    assert.equal(await cli.kith('token', 'revoke', 'ci'), 0)
    assert.deepEqual(cli.calls, [['revokeToken', { token: 'ci' }]])
    assert.equal(cli.stdout.text, 'ci is revoked\n')
  })

  for (const args of [
    ['token', 'create', 'ci', '--scope', 'read'],
    ['token', 'revoke', 'ci'],
    ['dashboard'],
  ]) {
    it(`F55: is for a person, and not for the program of a job: ${args.join(' ')}`, async () => {
      cli.env['KITH_JOB'] = 'nightly'
      assert.equal(await cli.kith(...args), 7)
      assert.deepEqual(
        cli.calls.map(([name]) => name),
        ['noteRefusal'],
      )
    })
  }
})
