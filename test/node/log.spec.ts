import assert from 'node:assert/strict'
import { createLog } from '../../src/node/log.ts'
import { KithError } from '../../src/protocol/errors.ts'
import { LogTap } from '../helpers/log-tap.ts'

describe('log', () => {
  let tap: LogTap

  beforeEach(() => {
    tap = new LogTap()
  })

  it('is lines of JSON, each with its level as a word and its time as text', () => {
    createLog('info', tap).info({ peer: 'nas', rttMs: 3 }, 'peer connected')
    const [{ time, ...line } = { time: '' }] = tap.lines
    assert.deepEqual(line, { level: 'info', peer: 'nas', rttMs: 3, msg: 'peer connected' })
    assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  })

  for (const field of [
    'secret',
    'passphrase',
    'seed',
    'token',
    'text',
    'body',
    'invite',
    'recoveryWords',
  ]) {
    it(`blanks ${field}, and in what stands beside it`, () => {
      const log = createLog('info', tap)
      log.info({ [field]: 'swordfish', kept: 1 }, 'one')
      log.info({ remote: { [field]: ['swordfish'], kept: 1 } }, 'two')
      log.child({ [field]: 'swordfish' }).info('three')
      assert.equal(JSON.stringify(tap.lines).includes('swordfish'), false)
      assert.equal(tap.lines[0]?.['kept'], 1)
    })
  }

  it('has an error with its code, its cause and its stack', () => {
    const err = Object.assign(new Error('no', { cause: new Error('why') }), { code: 'corrupt' })
    createLog('info', tap).error({ err }, 'failed')
    const shown = tap.lines[0]?.['err'] as Record<string, unknown>
    assert.equal(shown['code'], 'corrupt')
    assert.match(String(shown['stack']), /no[\s\S]*why/)
  })

  it('has a failure that was foreseen in few words, with what to type next', () => {
    const cause = new Error('disk full')
    const details = { path: 'jobs.yaml' }
    const err = new KithError('invalid-file', 'line 3: no', details, { cause, hint: 'edit line 3' })
    createLog('info', tap).error({ err }, 'failed')
    const shown = {
      code: 'invalid-file',
      message: 'line 3: no',
      hint: 'edit line 3',
      cause: 'disk full',
    }
    assert.deepEqual(tap.lines[0]?.['err'], shown)
  })

  it('says what its level lets through, and nothing when it is silent', () => {
    const levels = ['debug', 'info', 'warn', 'error'] as const
    const counts = [...levels, 'silent' as const].map((level) => {
      const each = new LogTap()
      const log = createLog(level, each)
      for (const said of levels) log[said]('a word')
      return each.lines.length
    })
    assert.deepEqual(counts, [4, 3, 2, 1, 0])
  })
})
