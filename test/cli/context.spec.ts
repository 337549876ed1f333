import assert from 'node:assert/strict'
import { homeFor, processContext, sameHome } from '../../src/cli/context.ts'
import { isFailure } from '../../src/protocol/errors.ts'

describe('homeFor', () => {
  const env = { HOME: '/h', KITH_HOME: '/k' }
  const table: [
    env: NodeJS.ProcessEnv,
    globals: { home?: string; profile?: string },
    path: string,
  ][] = [
    [env, {}, '/k'],
    [env, { home: '/x' }, '/x'],
    [env, { profile: 'work' }, '/k/profiles/work'],
    [{ ...env, KITH_PROFILE: 'work' }, {}, '/k/profiles/work'],
    [{ ...env, KITH_PROFILE: '' }, {}, '/k'],
    [{ ...env, KITH_PROFILE: 'work' }, { profile: 'play', home: '/x' }, '/x/profiles/play'],
  ]
  for (const [env, globals, path] of table) {
    it(`is ${path} for ${JSON.stringify(globals)} and KITH_PROFILE=${env['KITH_PROFILE'] ?? '-'}`, () => {
      assert.equal(homeFor(env, globals).path, path)
    })
  }

  for (const profile of ['..', '../x', '/x', 'a/b', '-p', '', 'A', 'a'.repeat(65)]) {
    it(`refuses ${JSON.stringify(profile)} as a profile`, () => {
      assert.throws(
        () => homeFor(env, { profile }),
        (err) => isFailure(err, 'usage'),
      )
    })
  }
})

describe('sameHome', () => {
  const globals = { home: '/x', profile: 'work' }

  it('says which home a command is about', () => {
    assert.equal(sameHome({ globals }, 'kith start'), 'kith --home /x -p work start')
    assert.equal(sameHome({ globals: {} }, 'kith start'), 'kith start')
  })

  it('says it of each command of a hint', () => {
    const hint = 'kith stop, then kith start'
    assert.equal(
      sameHome({ globals: { profile: 'a' } }, hint),
      'kith -p a stop, then kith -p a start',
    )
  })

  it('says it of a command behind what is to be done before', () => {
    assert.equal(
      sameHome({ globals: { profile: 'a' } }, 'see who has the port, then: kith stop; kith start'),
      'see who has the port, then: kith -p a stop; kith -p a start',
    )
  })

  for (const hint of [
    'ask its owner, who can type: kith peers allow NAME GRANT',
    'ask its owner what this says there: kith peers list; its pin may have gone',
    'on a node that has pinned it: kith key log NAME --export FILE',
  ]) {
    it(`leaves what others are to type: ${hint}`, () => {
      assert.equal(sameHome({ globals }, hint), hint)
    })
  }

  it('names no profile to commands that are about all', () => {
    assert.equal(
      sameHome({ globals }, 'kith daemon restart, or kith stop and kith start'),
      'kith --home /x daemon restart, or kith --home /x -p work stop and kith --home /x -p work start',
    )
  })

  it('leaves a hint that is no command', () => {
    assert.equal(sameHome({ globals }, 'again in 2 s'), 'again in 2 s')
  })
})

describe('processContext', () => {
  it('begins another command as this one began', () => {
    assert.deepEqual(processContext(['node', 'kith.js', 'demo']).program, ['node', 'kith.js'])
  })

  it('knows the home once the command line is read', () => {
    const cli = processContext([])
    cli.globals = { home: '/x' }
    assert.equal(cli.home.path, '/x')
  })

  it('tells one Ctrl-C from two, and lets go of the signal', () => {
    const before = process.listenerCount('SIGINT')
    const { first, release, second } = processContext([]).interrupts()
    process.emit('SIGINT')
    assert.deepEqual([first.aborted, second.aborted], [true, false])
    process.emit('SIGINT')
    assert.deepEqual([first.aborted, second.aborted], [true, true])
    release()
    assert.equal(process.listenerCount('SIGINT'), before)
  })

  it('ends a sleep with the reason of its signal', async () => {
    const reason = new Error('enough')
    await assert.rejects(processContext([]).sleep(60_000, AbortSignal.abort(reason)), reason)
  })
})
