import { isMap, isScalar, isSeq, visit, type Document, type YAMLMap, type YAMLSeq } from 'yaml'
import { KithError } from '../protocol/errors.ts'
import type { Confirmation, GrantName, PeerRow } from '../protocol/pin.ts'
import { asSeq, itemNamed, removeItem } from './yaml-list.ts'

/** One change of peers.yaml. `name` says whose entry it is. */
export type PeerEdit =
  | { op: 'add'; peer: PeerRow }
  | { op: 'remove'; name: string }
  | { op: 'allow' | 'deny'; name: string; grants: GrantName[] }
  | { op: 'set-addresses'; name: string; addresses: string[] }
  | { op: 'rename'; name: string; to: string }
  /** Puts the id that first contact has taught in the place of the key. */
  | { op: 'set-id'; name: string; id: string }
  | { op: 'confirm'; name: string; confirmed: Confirmation }

/**
 * Changes a document that has the shape of peers.yaml, and may leave it without: its values are not
 * looked at here.
 *
 * @throws {KithError} `unknown-peer`, and `exists` for a name that is taken.
 */
export function applyEdit(document: Document, edit: PeerEdit): void {
  const peers = asSeq(document.get('peers'))
  switch (edit.op) {
    case 'add':
      assertFree(peers, edit.peer.name)
      peers.flow = false
      peers.add(peerNode(document, edit.peer))
      return
    case 'remove':
      removeItem(peers, find(peers, edit.name))
      return
    case 'allow':
      allow(document, find(peers, edit.name), edit.grants)
      return
    case 'deny':
      deny(find(peers, edit.name), edit.grants)
      return
    case 'set-addresses':
      setAddresses(document, find(peers, edit.name), edit.addresses)
      return
    case 'rename':
      if (edit.to !== edit.name) assertFree(peers, edit.to)
      find(peers, edit.name).set('name', edit.to)
      return
    case 'set-id':
      setId(find(peers, edit.name), edit.id)
      return
    case 'confirm':
      find(peers, edit.name).set('confirmed', edit.confirmed)
      return
  }
}

function find(peers: YAMLSeq, name: string): YAMLMap {
  const peer = itemNamed(peers, name)
  if (peer !== undefined) return peer
  throw new KithError(
    'unknown-peer',
    `no peer is named ${name}`,
    { name },
    { hint: 'kith peers list' },
  )
}

function assertFree(peers: YAMLSeq, name: string): void {
  if (itemNamed(peers, name) === undefined) return
  throw new KithError(
    'exists',
    `a peer is named ${name} already`,
    { what: `peer ${name}` },
    { hint: 'kith peers list' },
  )
}

function peerNode(document: Document, peer: PeerRow): YAMLMap {
  const node = document.createNode(peer)
  if (!isMap(node)) throw new TypeError('a peer is a map')
  visit(node, {
    Seq(_key, seq) {
      seq.flow = true
    },
  })
  return node
}

function allow(document: Document, peer: YAMLMap, grants: GrantName[]): void {
  const allowed = listAt(document, peer, 'allow')
  for (const grant of grants) {
    if (!allowed.items.some((item) => isScalar(item) && item.value === grant)) {
      allowed.items.push(document.createNode(grant))
    }
  }
}

function deny(peer: YAMLMap, grants: GrantName[]): void {
  const allowed = peer.get('allow')
  if (!isSeq(allowed)) return
  allowed.items = allowed.items.filter(
    (item) => !grants.some((grant) => isScalar(item) && item.value === grant),
  )
}

function setAddresses(document: Document, peer: YAMLMap, addresses: string[]): void {
  listAt(document, peer, 'addresses').items = addresses.map((text) => document.createNode(text))
}

function setId(peer: YAMLMap, id: string): void {
  // In the key's own line, so that a comment on it stays.
  for (const { key } of peer.items) if (isScalar(key) && key.value === 'key') key.value = 'id'
  peer.set('id', id)
}

/** The list at `key` of `peer`, with the comments on it; a new one on one line when there is none. */
function listAt(document: Document, peer: YAMLMap, key: string): YAMLSeq {
  if (!peer.has(key)) peer.set(key, document.createNode([], { flow: true }))
  return asSeq(peer.get(key))
}
