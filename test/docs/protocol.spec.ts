import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { z } from 'zod'
import { isFinal } from '../../src/protocol/ask.ts'
import { WIRE_CODES } from '../../src/protocol/errors.ts'
import type { WireCode, WireDetails } from '../../src/protocol/errors.ts'
import { VERB_GRANTS } from '../../src/protocol/grant.ts'
import { KEY_LOG_REFUSALS } from '../../src/protocol/key-log-refusal.ts'
import { inviteSchema } from '../../src/protocol/invite.ts'
import * as limits from '../../src/protocol/limits.ts'
import { pairingMessage } from '../../src/protocol/pairing-messages.ts'
import { SIGNED_KINDS } from '../../src/protocol/signed.ts'
import { statusAudit, statusEnd } from '../../src/protocol/status.ts'
import * as verbs from '../../src/protocol/verbs.ts'
import { ROOT } from '../helpers/imports.ts'
import { code, page, section, table, tables } from './markdown.ts'

const PAGE = 'PROTOCOL.md'
const text = page(PAGE)

/** The details of each code as PROTOCOL.md has them: the compiler holds this to `WireDetails`. */
const DETAILS: {
  [C in WireCode]: {
    [K in keyof WireDetails[C]]: WireDetails[C][K] extends string ? 'text' : 'integer'
  }
} = {
  'not-pinned': { peer: 'text' },
  frozen: {},
  rotated: {},
  'bad-request': { what: 'text' },
  'too-large': { bytes: 'integer', limitBytes: 'integer' },
  'unsupported-verb': { verb: 'text' },
  denied: { rule: 'text' },
  'rate-limited': { retryAfterMs: 'integer' },
  busy: { position: 'integer' },
  cycle: { node: 'text' },
  'budget-exhausted': { scope: 'text', resetAt: 'integer' },
  'breaker-open': { nextProbeAt: 'integer' },
  'approval-needed': { task: 'text' },
  deadline: {},
  cancelled: {},
  interrupted: {},
  conflict: { activeId: 'text' },
  internal: { incident: 'text' },
}

/** Which schema each table of §10 is about: the verb, and the line that stands above the table. */
const BODIES: [verb: string, line: string, schema: z.ZodObject][] = [
  ['ping', 'Call:', verbs.pingCall],
  ['ping', 'End:', verbs.pingEnd],
  ['ask', 'Call:', verbs.askCall],
  ['ask', 'Event `accepted`', verbs.askAccepted],
  ['ask', 'Event `text`', verbs.askText],
  ['ask', 'Event `progress`', verbs.askProgress],
  ['ask', 'Event `tool`', verbs.askTool],
  ['ask', 'Event `approval`', verbs.askApproval],
  ['ask', 'End:', verbs.askEnd],
  ['ask.attach', 'Call:', verbs.attachCall],
  ['ask.cancel', 'Call:', verbs.cancelCall],
  ['ask.cancel', 'End:', verbs.askSummary],
  ['status', 'End:', statusEnd],
  ['status', 'The audit:', statusAudit],
  ['approval.list', 'End:', verbs.approvalListEnd],
  ['approval.list', 'Each of them:', verbs.listedApproval],
  ['approval.answer', 'Call:', verbs.approvalAnswerCall],
  ['approval.answer', 'End:', verbs.approvalAnswerEnd],
  ['job.run', 'Call:', verbs.jobRunCall],
  ['job.run', 'End:', verbs.jobRunEnd],
  ['audit.head', 'Call:', verbs.auditHeadCall],
  ['audit.head', 'End:', verbs.auditHeadEnd],
  ['peer.bye', 'Call:', verbs.peerByeCall],
  ['peer.copy', 'Call:', verbs.peerCopyCall],
  ['key.log', 'Call:', verbs.keyLogCall],
  ['key.log', 'End:', verbs.keyLogEnd],
  ['key.announce', 'Call:', verbs.keyAnnounceCall],
  ['key.announce', 'End:', verbs.keyAnnounceEnd],
  ['key.request', 'Call:', verbs.keyRequestCall],
]

describe(PAGE, () => {
  const constants = {
    ...limits,
    MAX_PING_BYTES: verbs.MAX_PING_BYTES,
    MAX_AUDIT_HEADS: verbs.MAX_AUDIT_HEADS,
  }

  it('has every limit of the wire, with its value, and no other', () => {
    const rows = tables(section(text, '## 13. Limits')).flat()
    const written = rows.map(([name, value = '']) => [code(name), code(value) || plain(value)])
    const expected = Object.entries(constants).map(([name, value]) => [name, String(value)])
    assert.deepEqual(written.sort(byName), expected.sort(byName))
  })

  it('has no great number that is not such a limit', () => {
    const known = new Set([...Object.values(constants), limits.MAX_ASK_SECONDS * 1_000].map(String))
    const numbers = text.match(/\b\d{1,3}(?:,\d{3})+\b/g) ?? []
    assert.deepEqual(
      numbers.filter((number) => !known.has(plain(number))),
      [],
    )
  })

  it('has every code that may cross the wire, its details, and whether to try again', () => {
    const rows = table(section(text, '## 12. Failure codes'))
    const written = rows.map(([name, details, again]) => [code(name), details, again])
    const expected = Object.entries(DETAILS).map(([name, details]) => {
      const fields = Object.entries(details).map(([key, type]) => `\`${key}\` ${type}`)
      const { retryable } = WIRE_CODES[name as WireCode]
      return [name, fields.join(', ') || '–', retryable ? 'yes' : 'no']
    })
    assert.deepEqual(written.sort(byName), expected.sort(byName))
  })

  it('has every kind of signature', () => {
    const rows = table(section(text, '## 3. Signatures'))
    assert.deepEqual(
      rows.map(([kind]) => code(kind)),
      [...SIGNED_KINDS],
    )
  })

  it('has every reason to refuse a key log', () => {
    const rows = table(section(text, '### Validation'))
    assert.deepEqual(
      rows.map(([, reason]) => code(reason)),
      [...KEY_LOG_REFUSALS],
    )
  })

  it('has every state of an ask, the final ones last', () => {
    const rows = table(section(text, '## 11. The life of an ask'))
    const states = rows.map(([state]) => code(state))
    assert.deepEqual(states, [...verbs.ASK_STATES])
    assert.match(text, /\nThe last six are final\./)
    assert.deepEqual(verbs.ASK_STATES.filter(isFinal), states.slice(-6))
  })

  it('has every verb, with the right that it needs', () => {
    const written = [...section(text, '## 10. Verbs').matchAll(/^### `(.+)`\n\nNeeds (.*)$/gm)]
    const rights = written.map(([, verb, needs]) => [
      verb,
      needs?.startsWith('no right but to be pinned') === true ? 'pinned' : code(needs),
    ])
    assert.deepEqual(rights, Object.entries(VERB_GRANTS))
  })

  for (const [verb, line, schema] of BODIES) {
    it(`has the keys of ${verb}: ${line}`, () => {
      const [, below = ''] = section(text, `### \`${verb}\``).split(line)
      const keys = table(below).map(([key]) => key)
      const expected = Object.entries(schema.shape).map(([key, value]) =>
        value instanceof z.ZodExactOptional ? `\`${key}\` ?` : `\`${key}\``,
      )
      assert.deepEqual(keys, expected)
    })
  }

  for (const schema of pairingMessage.options) {
    const name = schema.shape.t.value
    it(`has the keys of a pairing's ${name}`, () => {
      const [, below = ''] = section(text, '### Pairing').split(`\n\`${name}\`, `)
      const keys = table(below).map(([key]) => code(key))
      assert.deepEqual(keys, Object.keys(schema.shape))
    })
  }

  it('has the keys of an invite', () => {
    const keys = table(section(text, '### Invites')).map(([key]) => key)
    const expected = Object.entries(inviteSchema.shape).map(([key, value]) =>
      value instanceof z.ZodExactOptional ? `\`${key}\` ?` : `\`${key}\``,
    )
    assert.deepEqual(keys, expected)
  })

  it('has a table for every body that has keys', () => {
    const named = new Set<unknown>(BODIES.map(([, , schema]) => schema))
    const rest = Object.entries(verbs).filter(
      ([, value]) => value instanceof z.ZodObject && !named.has(value),
    )
    // That of `ask.get` is said to be that of `ask.cancel`, and so it is.
    assert.deepEqual(Object.keys(verbs.getCall.shape), Object.keys(verbs.cancelCall.shape))
    assert.deepEqual(
      rest.map(([name]) => name),
      ['askBudget', 'emptyCall', 'getCall'],
    )
  })

  it('names the file of every vector', () => {
    const files = table(section(text, '## 16. Vectors')).map(([file]) => code(file))
    const there = readdirSync(`${ROOT}/test/vectors`).filter((file) => file.endsWith('.json'))
    assert.deepEqual(files.toSorted(), there.sort())
    for (const file of files) assert.ok(text.includes(`Vectors: \`${file}\``), file)
  })

  it('links to its own sections, all of them', () => {
    const links = [...text.matchAll(/^\d+\. \[(.*)\]\(#(.*)\)$/gm)]
    const headings = [...text.matchAll(/^## (.*)$/gm)].map(([, heading = '']) => heading)
    assert.deepEqual(
      links.map(([, title], at) => `${at + 1}. ${title ?? ''}`),
      headings,
    )
    assert.deepEqual(
      links.map(([, , anchor]) => anchor),
      headings.map((heading) =>
        heading
          .toLowerCase()
          .replaceAll(/[^a-z0-9 -]/g, '')
          .replaceAll(' ', '-'),
      ),
    )
  })

  it('names files of ours that exist', () => {
    const paths = [...text.matchAll(/`((?:src|test)\/[\w./-]*)`/g)].map(([, path = '']) => path)
    assert.deepEqual(
      paths.filter((path) => !existsSync(`${ROOT}/${path}`)),
      [],
    )
  })
})

/** `1,024` as `1024`. */
function plain(number: string): string {
  return number.replaceAll(',', '')
}

function byName([a = '']: (string | undefined)[], [b = '']: (string | undefined)[]): number {
  return a < b ? -1 : 1
}
