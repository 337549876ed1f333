import { createHash, createHmac } from 'node:crypto'
import { encode } from '@ipld/dag-cbor'
import { getPublicKeyAsync } from '@noble/ed25519'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { base32, wordsOf } from './id-cases.ts'
import { hex, fromHex, seedOf, sha256 } from './seeds.ts'
import { signature } from './signed-cases.ts'

export const EXPIRES = 1_767_229_200_000
const AT = 1_767_225_600_000

const INVITE_ID = seedOf('invite id').subarray(0, 16)
const SECRET = seedOf('invite secret').subarray(0, 16)

/** One node: its key, and a key log of one event. */
interface VectorNode {
  seed: Uint8Array
  key: Uint8Array
  id: string
  head: Uint8Array
  log: Uint8Array[]
  peerId: string
}

type Fields = Record<string, unknown>

async function vectorNode(name: string): Promise<VectorNode> {
  const seed = seedOf(name)
  const key = await getPublicKeyAsync(seed)
  const event = encode({
    v: 1,
    t: 'icp',
    sn: 0,
    k: key,
    n: sha256(await getPublicKeyAsync(seedOf(`${name}, next`))),
    r: sha256(await getPublicKeyAsync(seedOf(`${name}, recovery`))),
    w: 72,
    at: AT,
    nonce: seedOf(`${name}, nonce`).subarray(0, 16),
  })
  const { publicKey } = await generateKeyPairFromSeed('Ed25519', seed)
  return {
    seed,
    key,
    id: `kith1${base32(sha256(event))}`,
    head: sha256(event),
    log: [encode({ e: event, s: [fromHex(await signature('icp', hex(event), seed))] })],
    peerId: peerIdFromPublicKey(publicKey).toString(),
  }
}

const INVITER = await vectorNode('inviter')
const JOINER = await vectorNode('joiner')

const INVITE: Fields = {
  v: 1,
  id: INVITER.id,
  k: INVITER.key,
  h: INVITER.head,
  sn: 0,
  addresses: ['/dns4/nas.lan/tcp/7423', '/ip6/fd00::7/tcp/7423'],
  invite: INVITE_ID,
  secret: SECRET,
  exp: EXPIRES,
  grants: ['ping', 'ask'],
  name: 'nas',
}

/** Links with what they say, and texts that must be refused, with the reason. */
export async function inviteVectors(): Promise<unknown> {
  const valid = await Promise.all([
    accepted('an invite', {}),
    accepted('no rights and no name', { grants: [] }, 'name'),
    accepted('a right of a later version', { grants: ['key.rotate'] }),
    accepted('a unix socket', { addresses: ['/unix/%2Frun%2Fkith.sock'] }),
    accepted('a later event of the key log', { sn: 63, h: sha256(INVITE_ID) }),
  ])
  const good = await linkOf(INVITE)
  const body = good.slice('kith://i/1/'.length)
  const refused = await Promise.all([
    refusedText('not a kith link', 'nothing', ''),
    refusedText('not a kith link', 'another scheme', good.replace('kith:', 'https:')),
    refusedText('not a kith link', 'upper case', good.replace('kith', 'KITH')),
    refusedText('not a kith link', 'no version', `kith://i/${body}`),
    refusedText('not a kith link', 'text before it', `see ${good}`),
    refusedText('unknown version', 'version 2', good.replace('/1/', '/2/')),
    refusedText('unknown version', 'version 0', good.replace('/1/', '/0/')),
    refusedText('unknown version', 'version 01', good.replace('/1/', '/01/')),
    refusedText('damaged', 'no body', 'kith://i/1/'),
    refusedText('damaged', 'last character missing', good.slice(0, -1)),
    refusedText('damaged', 'a character too many', `${good}A`),
    refusedText('damaged', 'padded', `${good}=`),
    refusedText('damaged', 'base64, not base64url', withStandardAlphabet(good)),
    refusedText('damaged', 'a query behind it', `${good}?x=1`),
    refusedText('damaged', 'too long', `kith://i/1/${'A'.repeat(1_014)}`),
    damaged('other version inside', { v: 2 }),
    damaged('id of another form', { id: 'kith1nas' }),
    damaged('weak key', { k: new Uint8Array(32) }),
    damaged('key of 31 bytes', { k: INVITER.key.subarray(1) }),
    damaged('head of 31 bytes', { h: INVITER.head.subarray(1) }),
    damaged('negative sequence number', { sn: -1 }),
    damaged('no address', { addresses: [] }),
    damaged('nine addresses', { addresses: Array<string>(9).fill('/ip4/10.0.0.1/tcp/1') }),
    damaged('address of a peer id', { addresses: [`/ip4/10.0.0.1/tcp/1/p2p/${INVITER.peerId}`] }),
    damaged('address of UDP', { addresses: ['/ip4/10.0.0.1/udp/1'] }),
    damaged('address of 257 characters', { addresses: [`/dns4/${'a'.repeat(245)}/tcp/1`] }),
    damaged('invite id of 15 bytes', { invite: INVITE_ID.subarray(1) }),
    damaged('secret of 15 bytes', { secret: SECRET.subarray(1) }),
    damaged('secret of 17 bytes', { secret: seedOf('x').subarray(0, 17) }),
    damaged('expiry as text', { exp: '2026-01-01' }),
    damaged('expiry after the last time', { exp: 8_640_000_000_000_001 }),
    damaged('the same right twice', { grants: ['ask', 'ask'] }),
    damaged('a right with a space', { grants: ['ask me'] }),
    damaged('17 rights', { grants: Array.from({ length: 17 }, (_, i) => `a${'b'.repeat(i)}`) }),
    damaged('name null', { name: null }),
    damaged('name that no peer may have', { name: 'self' }),
    damaged('unknown key', { x: 0 }),
    ...['v', 'id', 'k', 'h', 'sn', 'addresses', 'invite', 'secret', 'exp', 'grants'].map((key) =>
      damaged(`no ${key}`, {}, key),
    ),
    linkOf(INVITE, { seed: JOINER.seed }).then((link) =>
      refusedText('damaged', 'signed by another key', link),
    ),
    linkOf(INVITE, { kind: 'icp' }).then((link) =>
      refusedText('damaged', 'signed as another kind', link),
    ),
    linkOf(INVITE, { statement: encode({ ...INVITE, exp: EXPIRES + 1 }) }).then((link) =>
      refusedText('damaged', 'signature over another invite', link),
    ),
    linkOf(INVITE, { extra: { x: 0 } }).then((link) =>
      refusedText('damaged', 'a third key beside b and s', link),
    ),
    refusedText('expired', 'at the moment it expires', good, EXPIRES),
  ])
  return { seed: hex(INVITER.seed), valid, refused }
}

async function accepted(name: string, change: Fields, without = ''): Promise<unknown> {
  const fields = inviteOf(change, without)
  return { name, fields: asHex(fields), statement: hex(encode(fields)), link: await linkOf(fields) }
}

function refusedText(why: string, name: string, text: string, now = AT): Promise<unknown> {
  return Promise.resolve({ name, why, text, now })
}

async function damaged(name: string, change: Fields, without = ''): Promise<unknown> {
  return refusedText('damaged', name, await linkOf(inviteOf(change, without)))
}

function inviteOf(change: Fields, without: string): Fields {
  const fields = Object.entries({ ...INVITE, ...change })
  return Object.fromEntries(fields.filter(([key]) => key !== without))
}

interface Signing {
  seed?: Uint8Array
  kind?: string
  /** What is signed in the place of the invite. */
  statement?: Uint8Array
  extra?: Fields
}

async function linkOf(fields: Fields, signing: Signing = {}): Promise<string> {
  const { extra, kind = 'invite', seed = INVITER.seed } = signing
  const b = encode(fields)
  const s = fromHex(await signature(kind, hex(signing.statement ?? b), seed))
  return `kith://i/1/${Buffer.from(encode({ b, s, ...extra })).toString('base64url')}`
}

function withStandardAlphabet(link: string): string {
  return link.slice(0, 11) + link.slice(11).replaceAll('-', '+').replaceAll('_', '/')
}

/** Two pairings from end to end, and messages that are none. */
export async function pairingVectors(): Promise<unknown> {
  const addresses = ['/dns4/laptop.lan/tcp/7423']
  const first = await exchange('all that is offered', { addresses, grants: ['ping', 'ask'] })
  const second = await exchange('no address and no right', { addresses: [], grants: [] })
  return {
    secret: hex(SECRET),
    joiner: partyOf(JOINER),
    inviter: partyOf(INVITER),
    valid: [first, second].map(({ messages, ...rest }) => ({
      ...rest,
      messages: Object.fromEntries(
        Object.entries(messages).map(([name, message]) => [name, hex(encode(message))]),
      ),
    })),
    refused: Object.values(first.messages).flatMap((message: Fields) => unfit(message)),
  }
}

interface Messages {
  propose: Fields
  offer: Fields
  commit: Fields
  done: Fields
}

async function exchange(
  name: string,
  { addresses, grants }: { addresses: string[]; grants: string[] },
): Promise<{ name: string; transcripts: string[]; words: string[]; messages: Messages }> {
  const nonce = seedOf(`${name}: joiner`).subarray(0, 16)
  const proposed = {
    t: 'propose',
    invite: INVITE_ID,
    commitment: sha256(Buffer.concat([Buffer.from('kith/pairing-nonce/1'), nonce])),
    log: JOINER.log,
    addresses,
    grants,
  }
  const t1 = transcript({
    ...proposed,
    joiner: JOINER.id,
    joinerPeerId: JOINER.peerId,
    inviter: INVITER.id,
    inviterPeerId: INVITER.peerId,
  })
  const offered = {
    t: 'offer',
    invite: INVITE_ID,
    nonce: seedOf(`${name}: inviter`).subarray(0, 16),
    log: INVITER.log,
    grants,
  }
  const t2 = transcript({ ...offered, before: t1 })
  const t3 = transcript({ t: 'commit', nonce, before: t2 })
  const t4 = transcript({ t: 'done', before: t3 })
  const sig = async (kind: string, over: Uint8Array, seed: Uint8Array) =>
    fromHex(await signature(kind, hex(over), seed))
  const messages = {
    propose: { ...proposed, mac: mac(t1) },
    offer: { ...offered, mac: mac(t2) },
    commit: {
      t: 'commit',
      invite: INVITE_ID,
      nonce,
      sig: await sig('pair-commit', t3, JOINER.seed),
    },
    done: { t: 'done', invite: INVITE_ID, sig: await sig('pair-done', t4, INVITER.seed) },
  }
  const words = wordsOf(createHash('sha256').update('kith/pairing-words/1').update(t4).digest())
  return { name, transcripts: [t1, t2, t3, t4].map(hex), words, messages }
}

/** Each key left out, each of another type, and one too many. */
function unfit(message: Fields): unknown[] {
  const kind = String(message['t'])
  const changed = (name: string, change: Fields, without = ''): unknown => {
    const fields = Object.entries({ ...message, ...change }).filter(([key]) => key !== without)
    return { name: `${kind}: ${name}`, hex: hex(encode(Object.fromEntries(fields))) }
  }
  const wrong: Record<string, unknown[]> = {
    t: ['show', 1, null],
    invite: [new Uint8Array(15), new Uint8Array(17), 'x'.repeat(16)],
    commitment: [new Uint8Array(31)],
    nonce: [new Uint8Array(15), new Uint8Array(32)],
    log: [[], [new Uint8Array(2_049)], Array(65).fill(new Uint8Array(1)), ['x'], new Uint8Array(1)],
    addresses: [['nas.lan'], Array(9).fill('/ip4/10.0.0.1/tcp/1'), null],
    grants: [['a', 'a'], ['A'], ['a'.repeat(33)], 'ping'],
    mac: [new Uint8Array(31), new Uint8Array(33), null],
    sig: [new Uint8Array(63), new Uint8Array(65)],
  }
  return [
    ...Object.keys(message).flatMap((key) => [
      changed(`no ${key}`, {}, key),
      ...(wrong[key] ?? []).map((value, i) => changed(`${key} that is wrong, ${i}`, { [key]: value })),
    ]),
    changed('a key too many', { x: 0 }),
  ]
}

function transcript(fields: Fields): Uint8Array {
  return sha256(Buffer.concat([Buffer.from('kith/pairing/1'), encode(fields)]))
}

function mac(over: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac('sha256', SECRET).update(over).digest())
}

function partyOf({ id, log, peerId, seed }: VectorNode): unknown {
  return { seed: hex(seed), id, peerId, log: log.map(hex) }
}

function asHex(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      value instanceof Uint8Array ? hex(value) : value,
    ]),
  )
}
