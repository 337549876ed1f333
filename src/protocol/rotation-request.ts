import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from './ed25519.ts'
import { KithError } from './errors.ts'
import { bytesField, integerField, nodeIdField, timeField } from './key-event-fields.ts'
import type { EndorsedRotation, RotationDraft } from './key-log-create.ts'
import { refusal } from './key-log-refusal.ts'
import { MAX_KEY_EVENT_BYTES, MAX_ROTATION_GRACE_SECONDS, MAX_ROTATION_SN } from './limits.ts'
import { wordsOf } from './node-id.ts'
import { SHA256_BYTES, sha256 } from './sha256.ts'
import { Statement } from './statement.ts'

/*
 * What passes between a node that rotates and whoever has its rotation key. No secret is in it: it may be pasted
 * anywhere.
 */

const REQUEST_PREFIX = 'kith://r/1/'
const ENDORSEMENT_PREFIX = 'kith://e/1/'

const WORDS_TAG = new TextEncoder().encode('kith/rotation-words/1')
const ROTATION_WORDS = 8

const REQUEST = new Statement<RotationDraft>({
  kind: 'rotation-request',
  names: ['id', 'sn', 'p', 'k', 'why', 'grace', 'at'],
  optional: ['lastGood'],
  fieldsOf: (draft) => ({ ...draft }),
  valueOf: (fields) => {
    const { why } = fields
    if (why !== 'routine' && why !== 'compromise') throw refusal('wrong field', 'why')
    const hasLastGood = Object.hasOwn(fields, 'lastGood')
    if (hasLastGood && why === 'routine') throw refusal('wrong field', 'lastGood')
    const draft: RotationDraft = {
      id: nodeIdField(fields, 'id'),
      sn: integerField(fields, 'sn', 1, MAX_ROTATION_SN),
      p: bytesField(fields, 'p', SHA256_BYTES),
      k: bytesField(fields, 'k', PUBLIC_KEY_BYTES),
      why,
      grace: integerField(fields, 'grace', 0, why === 'routine' ? MAX_ROTATION_GRACE_SECONDS : 0),
      at: timeField(fields, 'at'),
      ...(hasLastGood ? { lastGood: timeField(fields, 'lastGood') } : {}),
    }
    // What could not become an event is nothing to be asked for.
    if ((draft.lastGood ?? 0) > draft.at) throw refusal('wrong time', 'lastGood')
    return draft
  },
})

/** The draft as a statement of the node that rotates, signed by its key in use. @throws {KithError} `malformed` */
export function createRotationRequest(draft: RotationDraft, seed: Uint8Array): Uint8Array {
  return REQUEST.create(draft, seed)
}

/**
 * Eight words of a rotation, which both of its owner's nodes show. A thief of the key in use can ask too, and try as many
 * drafts as it likes: 88 bits are more than it can search for one with the same words.
 */
export function rotationWords(draft: RotationDraft): string[] {
  return wordsOf(sha256(WORDS_TAG, REQUEST.encode(draft)), ROTATION_WORDS)
}

/** The id of the node that a request says it is of: nothing is proved by it. @throws {KithError} `malformed` */
export function requesterOf(signed: Uint8Array): string {
  return REQUEST.unverified(signed).id
}

/**
 * The draft in a request that the holder of `key` has signed.
 *
 * @throws {KithError} `malformed`, with one of `KEY_LOG_REFUSALS`
 */
export function readRotationRequest(signed: Uint8Array, key: Uint8Array): RotationDraft {
  return REQUEST.read(signed, key)
}

/** The request as text, fit for a terminal and a chat. */
export function requestText(signed: Uint8Array): string {
  return `${REQUEST_PREFIX}${Buffer.from(signed).toString('base64url')}`
}

/** @throws {KithError} `usage` for what is no such text */
export function parseRequestText(text: string): Uint8Array {
  return parse(text, REQUEST_PREFIX, 'kith key request')
}

/** The endorsement as text. */
export function endorsementText({ bytes, signature }: EndorsedRotation): string {
  return `${ENDORSEMENT_PREFIX}${Buffer.concat([signature, bytes]).toString('base64url')}`
}

/** @throws {KithError} `usage` for what is no such text */
export function parseEndorsementText(text: string): EndorsedRotation {
  const all = parse(text, ENDORSEMENT_PREFIX, 'kith key sign')
  return { signature: all.slice(0, SIGNATURE_BYTES), bytes: all.slice(SIGNATURE_BYTES) }
}

function parse(text: string, prefix: string, command: string): Uint8Array {
  const trimmed = text.trim()
  const body = trimmed.slice(prefix.length)
  const bytes = new Uint8Array(Buffer.from(body, 'base64url'))
  const whole = Buffer.from(bytes).toString('base64url') === body
  if (trimmed.startsWith(prefix) && whole && bytes.byteLength > SIGNATURE_BYTES) {
    if (bytes.byteLength <= MAX_KEY_EVENT_BYTES) return bytes
  }
  const what = `this is not what "${command}" has printed: ${prefix}…`
  throw new KithError('usage', what, { what }, { hint: command })
}
