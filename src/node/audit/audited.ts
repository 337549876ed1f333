import { z } from 'zod'
import { OWNER_NAME } from '../../agent/ports.ts'
import { singleLine } from '../../protocol/text.ts'
import type { Alert, AlertKind } from '../alerts.ts'
import type { LineSink } from '../agent/run-log.ts'
import type { KnownPeer } from '../pins.ts'
import type { Audit } from './audit.ts'
import type { AuditKind } from './audit-entry.ts'

/** Failures of a call that mean that a rule of ours refused it, and not that it came at a bad time. */
const REFUSALS: ReadonlySet<string> = new Set([
  'frozen',
  'rotated',
  'denied',
  'rate-limited',
  'unsupported-verb',
  'too-large',
  'cycle',
])

/** Alerts that are about keys, or about who may be who: they are entries too. */
const OF_ALERTS: Readonly<Partial<Record<AlertKind, AuditKind>>> = {
  'peer-rotated': 'key',
  'peer-compromised': 'key',
  'peer-recovered': 'key',
  'peer-retired': 'key',
  'own-key-log-ahead': 'key',
  'rotation-requested': 'key',
  'peer-frozen': 'freeze',
  'peer-copied': 'alert',
  'second-copy': 'alert',
  'invite-reused': 'alert',
  'invite-burned': 'alert',
  'unpinned-by-peer': 'alert',
  'mcp-tool-changed': 'alert',
  'audit-contradicted': 'alert',
}

/** Tells the audit log how calls of peers came out: with a code, or well. */
export function auditOutcomes(
  audit: Pick<Audit, 'cancelledBy' | 'refused'>,
): (peer: KnownPeer, verb: string, code: string | undefined) => void {
  return ({ pin }, verb, code) => {
    if (code !== undefined && REFUSALS.has(code)) audit.refused(pin.name, verb, code)
    if (code === undefined && verb === 'ask.cancel') audit.cancelledBy(pin.name)
  }
}

/** Tells the audit log of an alert, where it is about security. */
export function auditAlert(audit: Pick<Audit, 'record'>, { kind, peer, what }: Alert): void {
  const entry = OF_ALERTS[kind as AlertKind]
  if (entry !== undefined) audit.record({ kind: entry, who: peer ?? 'node', what })
}

const closedLine = z.looseObject({
  approval: z.string(),
  tool: z.string(),
  class: z.string(),
  verdict: z.enum(['granted', 'denied']),
  scope: z.string().optional(),
  by: z.looseObject({ name: z.string() }),
  asker: z.looseObject({ name: z.string() }),
})

/** `lines`, with the answers to approvals told to the audit log too: not what was to be done, which may hold anything. */
export function auditedLines(
  lines: (name: string) => LineSink,
  audit: Pick<Audit, 'record'>,
): (name: string) => LineSink {
  return (name) => {
    const sink = lines(name)
    if (name !== 'approval.log') return sink
    return {
      write: (line) => {
        sink.write(line)
        const closed = closedLine.safeParse(JSON.parse(line))
        if (!closed.success) return
        const { approval, asker, by, class: toolClass, scope, tool, verdict } = closed.data
        audit.record({
          kind: 'approval',
          who: by.name === OWNER_NAME ? 'owner' : by.name,
          what: `${verdict}: ${singleLine(tool, 64)} for ${asker.name === OWNER_NAME ? 'the owner' : asker.name}`,
          details: { approval, class: toolClass, ...(scope === undefined ? {} : { scope }) },
        })
      },
    }
  }
}
