import { readFile } from 'node:fs/promises'
import { isWireCode, KithError } from '../../protocol/errors.ts'
import type { WireCode } from '../../protocol/errors.ts'
import { decideGrant } from '../../protocol/grant.ts'
import type { Pin } from '../../protocol/pin.ts'
import type { ExplainReport } from '../control/routes/peers.ts'
import type { Home } from '../home.ts'
import { lineOf } from './line-of.ts'
import { ruleOf } from './rule-of.ts'
import type { Evidence, Rule } from './rule-of.ts'
import type { PolicyRecord } from './telemetry.ts'

/** What is to be explained: a call as it would be decided on now, or a refusal with this code. */
export interface Question {
  verb: string
  code?: string | undefined
}

/** What is known of the peer, by the running node or by its files. */
export interface Explained {
  pin: Pin
  frozen: boolean
  record: PolicyRecord | undefined
  home: Pick<Home, 'peers' | 'config' | 'jobs'>
  /** Ms since the epoch. */
  now: number
}

/** Which rule decides, why, and where it is written. @throws {KithError} `usage` for a code that never crosses the wire */
export async function explain(known: Explained, { code, verb }: Question): Promise<ExplainReport> {
  const { pin, record } = known
  if (code !== undefined) {
    const seen = record?.last[code]
    if (!isWireCode(code)) throw unknownCode(code)
    const report = await withRule(known, verb, code, seen ?? guessed(code, verb))
    return seen === undefined ? report : { ...report, at: seen.at, verb: seen.verb }
  }
  const decision = decideNow(known, verb)
  const last = Object.values(record?.last ?? {})
    .filter((refusal) => refusal.verb === verb)
    .toReversed()
    .toSorted((a, b) => b.at - a.at)[0]
  const before = last === undefined ? {} : { last: await lastReport(known, last) }
  if (decision === undefined) {
    const allowed = { peer: pin.name, verb, allowed: true, ...(await allowedBy(known, verb)) }
    return { ...allowed, ...before }
  }
  const report = await withRule(known, verb, decision.code, decision)
  return { ...report, ...before }
}

/** The refusal of a call that came now, by the rules that need no call; undefined when they let it in. */
function decideNow(
  { frozen, now, pin }: Explained,
  verb: string,
): (Evidence & { code: WireCode }) | undefined {
  if (frozen && verb !== 'ping') return { code: 'frozen', details: {}, verb, why: '' }
  const decision = decideGrant(pin, verb, { now, chainLength: 1 })
  if (decision.allowed) return undefined
  const { rule, why } = decision
  if (rule === 'verb') return { code: 'unsupported-verb', details: { verb }, verb, why }
  return { code: 'denied', details: { rule }, verb, why }
}

async function allowedBy(
  known: Explained,
  verb: string,
): Promise<Pick<ExplainReport, 'rule' | 'why' | 'where'>> {
  const { now, pin } = known
  const { rule } = decideGrant(pin, verb, { now, chainLength: 1 })
  const why = rule === 'pinned' ? 'whoever is pinned may call it' : 'granted'
  const key = rule === 'allow' ? ['allow'] : []
  return { rule, why, ...(await placeOf(known, { rule, why, at: { file: 'peers.yaml', key } })) }
}

async function withRule(
  known: Explained,
  verb: string,
  code: WireCode,
  evidence: Evidence,
): Promise<ExplainReport> {
  const found = ruleOf(known.pin, code, evidence)
  const { hint, rule, why } = found
  return {
    ...{ peer: known.pin.name, verb, allowed: false, code, rule, why },
    ...(await placeOf(known, found)),
    ...(hint === undefined ? {} : { hint }),
  }
}

async function lastReport(
  known: Explained,
  last: PolicyRecord['last'][string],
): Promise<NonNullable<ExplainReport['last']>> {
  const { at, code, verb, why } = last
  if (!isWireCode(code)) return { at, code, rule: 'unknown', why }
  const found = ruleOf(known.pin, code, last)
  return {
    at,
    code,
    rule: found.rule,
    why: found.why,
    ...(await placeOf(known, found)),
    verb,
  }
}

/** The file of a rule, and for one of peers.yaml the line. */
async function placeOf(
  { home, pin }: Explained,
  { at }: Rule,
): Promise<Pick<ExplainReport, 'where'>> {
  if (at === undefined) return {}
  if (at.file !== 'peers.yaml') {
    return { where: { file: at.file === 'jobs.yaml' ? home.jobs : home.config } }
  }
  const text = await readFile(home.peers, 'utf8').catch(() => '')
  const line = lineOf(text, pin.name, at.key)
  return { where: { file: home.peers, ...(line === undefined ? {} : { line }) } }
}

/** Of a code that was not seen: what is most likely behind it. */
function guessed(code: WireCode, verb: string): Evidence {
  return { code, details: {}, verb, why: 'no such refusal was seen here' }
}

function unknownCode(code: string): KithError<'usage'> {
  const what = `${JSON.stringify(code)} is no code that a peer can be told`
  return new KithError('usage', what, { what }, { hint: 'see PROTOCOL.md §12' })
}
