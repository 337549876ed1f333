import assert from 'node:assert/strict'
import { isFailure, KithError } from '../../../src/protocol/errors.ts'
import { FileChanged } from '../../../src/store/backup/archive-writer.ts'
import { packThrown, unpackThrown } from '../../../src/store/backup/thrown.ts'

/** What becomes of an error on its way through a message. */
function sent(err: unknown): unknown {
  return unpackThrown(structuredClone(packThrown(err)))
}

describe('what was thrown in another thread', () => {
  it('is a failure with its code, details, hint and cause', () => {
    const options = { cause: new Error('bad tag'), hint: 'kith backup list' }
    const err = sent(new KithError('passphrase', 'it does not open', { given: true }, options))
    assert.ok(isFailure(err, 'passphrase'))
    assert.deepEqual(
      [err.message, err.details, err.hint],
      ['it does not open', { given: true }, options.hint],
    )
    assert.ok(err.cause instanceof Error && err.cause.message === 'bad tag')
    const plain = sent(new KithError('stopping', 'it stops', {}))
    assert.ok(isFailure(plain) && plain.hint === undefined && plain.cause === undefined)
  })

  it('is the file that has changed', () => {
    const err = sent(new FileChanged('config.yaml'))
    assert.ok(err instanceof FileChanged && err.file === 'config.yaml')
  })

  it('is an error of the system with its code', () => {
    const err = sent(Object.assign(new Error('no space left'), { code: 'ENOSPC' }))
    assert.ok(err instanceof Error && 'code' in err && err.code === 'ENOSPC')
    assert.equal(err.message, 'no space left')
  })

  it('is any other error, or whatever it was', () => {
    const err = sent(new TypeError('wrong'))
    assert.ok(err instanceof TypeError && err.message === 'wrong' && !('code' in err))
    assert.equal(sent('wrong'), 'wrong')
  })
})
