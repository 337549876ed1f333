import assert from 'node:assert/strict'
import fc from 'fast-check'
import { isFailure } from '../../src/protocol/errors.ts'
import { createInvite, readInvite } from '../../src/protocol/invite.ts'
import { validateKeyLog } from '../../src/protocol/key-log.ts'
import { createRetirement } from '../../src/protocol/key-log-create.ts'
import { MAX_INVITE_LINK_CHARS, MAX_PAIRING_ADDRESSES } from '../../src/protocol/limits.ts'
import { inviterRecordOf } from '../../src/protocol/pairing-inviter.ts'
import { EXPIRES, NOW, PairingNode, invited } from '../helpers/pairing.ts'
import { mutate, mutation } from '../helpers/mutation.ts'
import { seedOf } from '../helpers/stub-pins.ts'
import { inviteVectors } from '../vectors/invite-vectors.ts'
import { fromHex, hex } from '../vectors/seeds.ts'

const alice = new PairingNode('alice')

describe('an invite', () => {
  for (const { name, fields, link } of inviteVectors.valid) {
    it(`is read as its vector says: ${name}`, () => {
      const { k, h, invite, secret, ...rest } = readInvite(link, fields.exp - 1)
      const bytes = { k: hex(k), h: hex(h), invite: hex(invite), secret: hex(secret) }
      assert.deepEqual({ ...rest, ...bytes }, fields)
    })
  }

  for (const { name, now, text, why } of inviteVectors.refused) {
    it(`is refused: ${name}`, () => {
      assert.equal(faultOf(text, now), why)
    })
  }

  it('says what it was made of, whatever white space a mail program puts into its link', () => {
    const { invite, link } = invited(alice)
    const { head, sn } = validateKeyLog(alice.log)
    assert.deepEqual([invite.id, invite.h, invite.sn], [alice.id, head, sn])
    assert.deepEqual([invite.grants, invite.name], [['ping', 'ask'], 'alice'])
    const broken = ` ${link.replaceAll(/(.{60})/g, '$1\r\n  ')}\n`
    assert.deepEqual(readInvite(broken, NOW), invite)
  })

  it('is good until the moment that it expires', () => {
    const { link } = invited(alice)
    assert.equal(readInvite(link, EXPIRES - 1).exp, EXPIRES)
    assert.equal(faultOf(link, EXPIRES), 'expired')
  })

  it('takes the first addresses that it has room for', () => {
    const addresses = Array.from({ length: 9 }, (_, i) => `/ip4/10.0.0.${i}/tcp/7423`)
    const { invite } = invited(alice, { addresses })
    assert.deepEqual(invite.addresses, addresses.slice(0, MAX_PAIRING_ADDRESSES))
  })

  it('fits into its limit, or is not made', () => {
    const long = (chars: number): Parameters<typeof invited>[1] => ({
      addresses: [`/dns4/${'a'.repeat(chars)}/tcp/1`, `/dns4/${'b'.repeat(chars)}/tcp/1`],
    })
    const fitting = Array.from({ length: 240 }, (_, chars) => chars + 1).findLast((chars) => {
      try {
        return invited(alice, long(chars)).link.length <= MAX_INVITE_LINK_CHARS
      } catch (err) {
        assert.ok(isFailure(err, 'usage') && err.hint !== undefined, String(err))
        return false
      }
    })
    assert.ok(fitting !== undefined && fitting > 100 && fitting < 240, String(fitting))
  })

  it('is not made without an address, nor by a node that has retired', () => {
    assert.throws(
      () => invited(alice, { addresses: [] }),
      (err) => isFailure(err, 'usage') && err.hint !== undefined,
    )
    const seed = seedOf('alice, recovery')
    const end = createRetirement(validateKeyLog(alice.log), { seed, at: NOW })
    const own = validateKeyLog([...alice.log, end])
    assert.throws(() => invited(alice, { own }), TypeError)
  })

  it('is not offered with a right that nobody knows', () => {
    const { invite } = invited(alice)
    const fields = { ...invite, grants: ['fly'] }
    assert.throws(() => inviterRecordOf(fields, { name: 'bob', now: NOW }))
  })

  it('is refused whatever is changed in its link, and the error tells nothing of it', () => {
    const { link } = invited(alice)
    const [, body = ''] = /^kith:\/\/i\/1\/(.*)$/.exec(link) ?? []
    fc.assert(
      fc.property(fc.array(mutation(), { minLength: 1, maxLength: 3 }), (mutations) => {
        const bytes = fromHex(Buffer.from(body, 'base64url').toString('hex'))
        const changed = mutate(bytes, mutations)
        fc.pre(hex(changed) !== hex(bytes))
        const text = `kith://i/1/${Buffer.from(changed).toString('base64url')}`
        assert.equal(faultOf(text, NOW), 'damaged')
      }),
    )
  })

  it('is refused with a hint whatever the text is', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `kith://i/1/${text}`),
        ),
        (text) => {
          assert.notEqual(faultOf(text, NOW), undefined)
        },
      ),
    )
  })

  it('has a secret that no error shows', () => {
    const init = { inviteId: new Uint8Array(15), secret: seedOf('secret').slice(0, 16) }
    let thrown: unknown
    try {
      createInvite({
        own: validateKeyLog(alice.log),
        addresses: ['/ip4/10.0.0.1/tcp/7423'],
        expiresAt: EXPIRES,
        grants: [],
        sign: alice.sign,
        ...init,
      })
    } catch (err) {
      thrown = err
    }
    assert.ok(thrown instanceof Error)
    const secret = Buffer.from(init.secret)
    for (const form of [secret.toString('hex'), secret.toString('base64url'), secret.join(',')]) {
      assert.ok(!String(thrown).includes(form))
    }
  })
})

/** Why a link is refused, or undefined when it is not. */
function faultOf(text: string, now: number): string | undefined {
  try {
    readInvite(text, now)
    return undefined
  } catch (err) {
    assert.ok(isFailure(err, 'bad-invite'), String(err))
    assert.ok(err.hint !== undefined)
    assert.equal(err.cause, undefined)
    if (text.length > 40) assert.ok(!err.message.includes(text.slice(-20)))
    return err.details.why
  }
}
