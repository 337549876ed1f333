import assert from 'node:assert/strict'
import { decode, encode } from '../../src/protocol/cbor.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import {
  commitTranscript,
  doneTranscript,
  isSame,
  macOf,
  nonceCommitment,
  offerTranscript,
  pairingWords,
  proposeTranscript,
  readPairingMessage,
} from '../../src/protocol/pairing-messages.ts'
import type { PairingMessage } from '../../src/protocol/pairing-messages.ts'
import { publicKeyOf } from '../../src/protocol/ed25519.ts'
import { verify } from '../../src/protocol/signed.ts'
import { pairingVectors } from '../vectors/pairing-vectors.ts'
import { fromHex, hex } from '../vectors/seeds.ts'

const { inviter, joiner, refused, secret, valid } = pairingVectors
const PARTIES = {
  joiner: joiner.id,
  joinerPeerId: joiner.peerId,
  inviter: inviter.id,
  inviterPeerId: inviter.peerId,
}

describe('the messages of a pairing', () => {
  for (const { messages, name, transcripts, words } of valid) {
    it(`are what their vector says: ${name}`, () => {
      const { commit, done, offer, propose } = {
        propose: read('propose', messages.propose),
        offer: read('offer', messages.offer),
        commit: read('commit', messages.commit),
        done: read('done', messages.done),
      }
      const t1 = proposeTranscript(propose, PARTIES)
      const t2 = offerTranscript(t1, offer)
      const t3 = commitTranscript(t2, commit.nonce)
      const t4 = doneTranscript(t3)
      assert.deepEqual([t1, t2, t3, t4].map(hex), transcripts)
      assert.deepEqual(propose.commitment, nonceCommitment(commit.nonce))
      assert.deepEqual(propose.mac, macOf(fromHex(secret), t1))
      assert.deepEqual(offer.mac, macOf(fromHex(secret), t2))
      assert.ok(verify('pair-commit', t3, commit.sig, publicKeyOf(fromHex(joiner.seed))))
      assert.ok(verify('pair-done', t4, done.sig, publicKeyOf(fromHex(inviter.seed))))
      assert.deepEqual(pairingWords(t4), words)
    })

    it(`come out as they went in: ${name}`, () => {
      for (const bytes of Object.values(messages).map(fromHex)) {
        assert.deepEqual(encode(readPairingMessage(decode(bytes))), bytes)
      }
    })
  }

  for (const { hex, name } of refused) {
    it(`are refused: ${name}`, () => {
      assert.throws(
        () => readPairingMessage(decode(fromHex(hex))),
        (err) => isFailure(err, 'malformed'),
      )
    })
  }

  for (const value of [null, 1, 'propose', [], new Uint8Array(8), {}]) {
    it(`are refused when they are ${JSON.stringify(value)}`, () => {
      assert.throws(
        () => readPairingMessage(value),
        (err) => isFailure(err, 'malformed'),
      )
    })
  }
})

describe('the first transcript', () => {
  const [first] = valid
  const propose = read('propose', first?.messages.propose ?? '')
  const [t1] = first?.transcripts ?? []
  const changes = {
    ...Object.fromEntries(Object.keys(PARTIES).map((key) => [key, { [key]: 'kith1other' }])),
    invite: { invite: new Uint8Array(16) },
    commitment: { commitment: new Uint8Array(32) },
    log: { log: [...propose.log, new Uint8Array(1)] },
    addresses: { addresses: [] },
    grants: { grants: ['ping'] },
  }

  for (const [name, change] of Object.entries(changes)) {
    it(`is another one when ${name} is another`, () => {
      const made = proposeTranscript({ ...propose, ...change }, { ...PARTIES, ...change })
      assert.notEqual(hex(made), t1)
    })
  }

  it('is another one when the two nodes change places', () => {
    const swapped = {
      joiner: PARTIES.inviter,
      joinerPeerId: PARTIES.inviterPeerId,
      inviter: PARTIES.joiner,
      inviterPeerId: PARTIES.joinerPeerId,
    }
    assert.notEqual(hex(proposeTranscript(propose, swapped)), t1)
  })
})

describe('the comparison of MACs', () => {
  const mac = macOf(fromHex(secret), new Uint8Array(32))
  it('takes the same bytes, and no others of any length', () => {
    assert.ok(isSame(mac, mac.slice()))
    for (const at of [0, 15, 31]) {
      const other = mac.slice()
      other[at] = (other[at] ?? 0) ^ 1
      assert.ok(!isSame(mac, other))
    }
    assert.ok(!isSame(mac, mac.subarray(1)))
    assert.ok(!isSame(mac, new Uint8Array(0)))
  })
})

function read<T extends PairingMessage['t']>(t: T, text: string): PairingMessage & { t: T } {
  const message = readPairingMessage(decode(fromHex(text)))
  if (!isOf(message, t)) throw new TypeError(`no ${t}`)
  return message
}

function isOf<T extends PairingMessage['t']>(
  message: PairingMessage,
  t: T,
): message is PairingMessage & { t: T } {
  return message.t === t
}
