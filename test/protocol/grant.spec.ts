import assert from 'node:assert/strict'
import fc from 'fast-check'
import { decideGrant, VERB_GRANTS } from '../../src/protocol/grant.ts'
import { MAX_CHAIN } from '../../src/protocol/limits.ts'
import { nodeIdOf } from '../../src/protocol/node-id.ts'
import { GRANT_NAMES, peersSchema, type PeerRow, type Pin } from '../../src/protocol/pin.ts'

const now = Date.UTC(2027, 5, 15, 12)

function pinOf(row: Partial<PeerRow>): Pin {
  const peer = { name: 'nas', id: nodeIdOf(Uint8Array.of(1)), ...row }
  const [pin] = peersSchema.parse({ version: 1, peers: [peer] })
  assert.ok(pin)
  return pin
}

/** The rule that decides, with `!` before it when it refuses. */
function rule(pin: Pin, verb: string, { at = now, chainLength = 1 } = {}): string {
  const decision = decideGrant(pin, verb, { now: at, chainLength })
  return decision.allowed ? decision.rule : `!${decision.rule}`
}

describe('grant', () => {
  const full = pinOf({ allow: [...GRANT_NAMES] })
  const nothing = pinOf({})

  const verbs: [verb: string, needs: PeerRow['allow']][] = [
    ['ping', ['ping']],
    ['ask', ['ask']],
    ['ask.attach', ['ask']],
    ['ask.cancel', ['ask']],
    ['ask.get', ['ask']],
    ['status', ['status']],
    ['approval.list', ['approve']],
    ['approval.answer', ['approve']],
    ['job.run', ['job.run']],
  ]
  for (const [verb, needs] of verbs) {
    it(`lets ${verb} in for ${String(needs)} and for nothing else`, () => {
      const others = GRANT_NAMES.filter((name) => !needs?.includes(name))
      assert.equal(rule(pinOf({ allow: needs }), verb), 'allow')
      assert.equal(rule(pinOf({ allow: others }), verb), '!allow')
      assert.equal(rule(nothing, verb), '!allow')
    })
  }

  it('lets a pinned peer fetch the key log, whatever it may else', () => {
    assert.equal(rule(nothing, 'key.log'), 'pinned')
  })

  for (const verb of ['', 'Ask', 'ask ', 'ask.run', 'constructor', '__proto__', 'toString']) {
    it(`refuses the verb ${JSON.stringify(verb)}`, () => {
      assert.equal(rule(full, verb), '!verb')
    })
  }

  it('refuses every verb that is not in the table', () => {
    fc.assert(
      fc.property(fc.string(), (verb) => {
        fc.pre(!Object.hasOwn(VERB_GRANTS, verb))
        assert.equal(rule(full, verb), '!verb')
      }),
    )
  })

  it('says why, for the operator', () => {
    const pin = pinOf({ allow: ['ask'], ask: { hours: '07-09 Asia/Tokyo' } })
    assert.deepEqual(decideGrant(pin, 'ask', { now, chainLength: 1 }), {
      allowed: false,
      rule: 'hours',
      why: 'it is 21:00 in Asia/Tokyo; asks go from 07:00 to 09:00',
    })
  })

  const untils: [until: string, at: string, decided: string][] = [
    ['2027-06-30', '2027-06-30T23:59:59.999Z', 'allow'],
    ['2027-06-30', '2027-07-01T00:00:00Z', '!until'],
    ['2027-06-30T18:00:00+02:00', '2027-06-30T15:59:59.999Z', 'allow'],
    ['2027-06-30T18:00:00+02:00', '2027-06-30T16:00:00Z', '!until'],
  ]
  for (const [until, at, decided] of untils) {
    it(`decides ${decided} at ${at} when asks go until ${until}`, () => {
      const pin = pinOf({ allow: ['ask'], ask: { until } })
      assert.equal(rule(pin, 'ask', { at: Date.parse(at) }), decided)
    })
  }

  const hours: [hours: string, at: string, decided: string][] = [
    ['07-22 UTC', '06:59:59.999', '!hours'],
    ['07-22 UTC', '07:00:00', 'allow'],
    ['07-22 UTC', '21:59:59.999', 'allow'],
    ['07-22 UTC', '22:00:00', '!hours'],
    ['07:30-08 UTC', '07:29:59', '!hours'],
    ['07:30-08 UTC', '07:30:00', 'allow'],
    ['22-06 UTC', '21:59:00', '!hours'],
    ['22-06 UTC', '22:00:00', 'allow'],
    ['22-06 UTC', '00:00:00', 'allow'],
    ['22-06 UTC', '05:59:00', 'allow'],
    ['22-06 UTC', '06:00:00', '!hours'],
    ['00-24 UTC', '00:00:00', 'allow'],
    ['00-24 UTC', '23:59:59', 'allow'],
    ['07-22 Europe/Madrid', '05:00:00', 'allow'],
    ['07-22 Europe/Madrid', '20:00:00', '!hours'],
    ['07-22 Asia/Kolkata', '01:29:00', '!hours'],
    ['07-22 Asia/Kolkata', '01:30:00', 'allow'],
  ]
  for (const [open, time, decided] of hours) {
    it(`decides ${decided} at ${time} UTC when asks go at ${open}`, () => {
      const pin = pinOf({ allow: ['ask'], ask: { hours: open } })
      assert.equal(rule(pin, 'ask', { at: Date.parse(`2027-06-15T${time}Z`) }), decided)
    })
  }

  it('follows the clocks of the zone into summer time', () => {
    const pin = pinOf({ allow: ['ask'], ask: { hours: '07-22 Europe/Madrid' } })
    const sixUtc = (day: string): number => Date.parse(`${day}T05:30:00Z`)
    assert.equal(rule(pin, 'ask', { at: sixUtc('2027-03-27') }), '!hours')
    assert.equal(rule(pin, 'ask', { at: sixUtc('2027-03-28') }), 'allow')
  })

  const depths: [depth: number, chainLength: number, decided: string][] = [
    [0, 1, 'allow'],
    [0, 2, '!depth'],
    [1, 2, 'allow'],
    [1, 3, '!depth'],
    [MAX_CHAIN - 1, MAX_CHAIN, 'allow'],
    [MAX_CHAIN - 1, MAX_CHAIN + 1, '!depth'],
  ]
  for (const [depth, chainLength, decided] of depths) {
    it(`decides ${decided} for a chain of ${chainLength} at depth ${depth}`, () => {
      const pin = pinOf({ allow: ['ask'], ask: { depth } })
      assert.equal(rule(pin, 'ask', { chainLength }), decided)
    })
  }

  it('keeps to the longest chain of all, whatever a pin says', () => {
    const pin = pinOf({ allow: ['ask'] })
    const endless = { ...pin, ask: { ...pin.ask, depth: 1_000 } }
    assert.equal(rule(endless, 'ask', { chainLength: MAX_CHAIN }), 'allow')
    assert.equal(rule(endless, 'ask', { chainLength: MAX_CHAIN + 1 }), '!depth')
  })

  for (const verb of ['ask.attach', 'ask.cancel', 'ask.get']) {
    it(`lets ${verb} in after hours, after the last day and through any chain`, () => {
      const ask = { hours: '01-02 UTC', until: '2020-01-01' }
      assert.equal(rule(pinOf({ allow: ['ask'], ask }), verb, { chainLength: 3 }), 'allow')
    })
  }

  it('has a grant that exists for each verb', () => {
    for (const needed of Object.values(VERB_GRANTS)) {
      assert.ok(needed === 'pinned' || GRANT_NAMES.includes(needed))
    }
  })
})
