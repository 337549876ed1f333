import type { WireCode } from '../../protocol/errors.ts'
import { VERB_GRANTS } from '../../protocol/grant.ts'
import type { Pin } from '../../protocol/pin.ts'
import type { Refusal } from './telemetry.ts'

/** Which rule decides, and where it is written. */
export interface Rule {
  /** A key of the file, or what the rule is called. */
  rule: string
  /** In words for the owner. */
  why: string
  /** Of a key of peers.yaml: where it is in the peer's entry. A file alone: it is no matter of this peer. */
  at?: { file: 'peers.yaml'; key: readonly string[] } | { file: 'config.yaml' | 'jobs.yaml' }
  /** What to type next. */
  hint?: string
}

/** What is known of the refusal. Without one that was seen, a code alone may stand for several rules. */
export type Evidence = Pick<Refusal, 'code' | 'details' | 'verb' | 'why'>

/** Which rule of this node stands behind a refusal of a call of this peer. */
export function ruleOf(pin: Pin, code: WireCode, evidence: Evidence): Rule {
  return RULES[code](pin, evidence)
}

/** One for each code that may cross the wire: the compiler holds that. PROTOCOL.md §12 has what each means. */
const RULES: Readonly<Record<WireCode, (pin: Pin, evidence: Evidence) => Rule>> = {
  'not-pinned': ({ name }) => ({
    ...peersRule(
      'id',
      `who calls has no key of ${name}, and nobody else's either: it hears nothing`,
    ),
    hint: `kith peers why ${name}`,
  }),
  frozen: ({ name }) => ({
    rule: 'frozen',
    why: 'two valid key logs of it stand against each other: it may only ping until its owner settles that',
    hint: `kith peers why ${name}`,
  }),
  rotated: ({ name }) => ({
    rule: 'rotated',
    why: 'it calls with a key that another has followed, which may only tell of that',
    hint: `kith peers why ${name}`,
  }),
  'bad-request': (_, { details }) => ({
    rule: 'shape',
    why: `the call is not of the form that its verb has: ${textOf(details['what'], 'see PROTOCOL.md §10')}`,
  }),
  'too-large': (_, { details }) => ({
    rule: 'size',
    why: `something is longer than is taken: ${textOf(details['bytes'], 'more')} bytes, of ${textOf(details['limitBytes'], 'its limit')}`,
  }),
  'unsupported-verb': (_, { details }) => ({
    rule: 'verb',
    why: `${textOf(details['verb'], 'it')} is no verb of this node: the caller may be newer`,
  }),
  denied: deniedRule,
  'rate-limited': rateRule,
  busy: busyRule,
  cycle: () => ({
    rule: 'chain',
    why: 'the ask has come through one node twice, or through this one: it would go round for ever',
  }),
  'budget-exhausted': budgetRule,
  'breaker-open': () => ({
    rule: 'breaker',
    why: 'the model of this node fails, and is left alone for a while',
    hint: 'kith breaker list',
  }),
  'approval-needed': ({ ask, name }) => ({
    ...peersRule(
      'ask.approve',
      `tools of these classes wait for you: ${ask.approve.join(', ') || 'none'}`,
    ),
    hint: `kith approvals list; kith peers show ${name}`,
  }),
  deadline: ({ ask }) =>
    peersRule(
      'ask.max_seconds',
      `an ask has ${ask.maxSeconds} s, or less if its caller wants it so`,
    ),
  cancelled: () => ({
    rule: 'cancel',
    why: 'whoever asked has ended it, or is no longer pinned',
  }),
  interrupted: () => ({
    rule: 'stop',
    why: 'this node stopped while it was at work on it, and does no ask twice',
  }),
  conflict: () => ({
    rule: 'ask id',
    why: 'the id stands for another ask of this peer: whoever tries again sends the same ask',
  }),
  internal: (_, { details }) => ({
    rule: 'fault',
    why: `something broke here: incident ${textOf(details['incident'], 'in the log')}`,
    hint: 'kith logs',
  }),
}

function deniedRule({ ask, name, allow }: Pin, { details, verb, why }: Evidence): Rule {
  const rule = textOf(details['rule'], 'allow')
  switch (rule) {
    case 'allow':
      return {
        ...peersRule(
          'allow',
          `it may ${allow.join(', ') || 'do nothing'}, which covers no ${verb}`,
        ),
        hint: `kith peers allow ${name} ${VERB_GRANTS[verb] ?? 'GRANT'}`,
      }
    case 'until':
    case 'hours':
    case 'depth':
    case 'approve':
      return peersRule(`ask.${rule}`, why)
    case 'preset':
      return peersRule('ask.preset', `its asks reach what the preset ${ask.preset} covers`)
    case 'asker':
      return { rule, why: 'it has a part in what it wants to decide on' }
    case 'run_by':
    case 'enabled':
    case 'paused':
      return { rule, why, at: { file: 'jobs.yaml' }, hint: 'kith jobs list' }
    default:
      return { rule, why }
  }
}

/** By the words of `guard.ts`, of `verbs/ask.ts` and of `verbs/key-log.ts`, all of which have a rate of their own. */
function rateRule({ ask, callsPerMinute }: Pin, { verb, why }: Evidence): Rule {
  if (why === 'too many calls a minute' || !(verb === 'ask' || verb.startsWith('key.'))) {
    return peersRule('calls_per_minute', `it may make ${callsPerMinute} calls a minute`)
  }
  if (verb === 'ask') {
    return peersRule('ask.per_minute', `it may begin ${ask.perMinute} asks a minute`)
  }
  return { rule: 'key rate', why: 'key logs and requests are looked at a few times a minute' }
}

function busyRule({ ask }: Pin, { details, why }: Evidence): Rule {
  if (why.includes('is stopping')) return { rule: 'stop', why: 'this node is stopping' }
  const there = Number(details['position'] ?? ask.parallel + ask.queue)
  if (there >= ask.parallel + ask.queue) {
    return peersRule(
      'ask.queue',
      `${ask.parallel} of its asks run at once, and ${ask.queue} wait behind them`,
    )
  }
  const all = 'the asks of all peers together have no room: agent.parallel and agent.queue'
  return { rule: 'agent.queue', why: all, at: { file: 'config.yaml' } }
}

function budgetRule({ ask }: Pin, { details, why }: Evidence): Rule {
  switch (details['scope']) {
    case 'peer-bytes':
      return peersRule('ask.daily_bytes', `its asks may take ${ask.dailyBytes} bytes a day`)
    case 'ask':
      return { rule: 'agent.budget.ask_usd', why, at: { file: 'config.yaml' }, hint: 'kith budget' }
    case 'day':
      return {
        rule: 'agent.budget.daily_usd',
        why,
        at: { file: 'config.yaml' },
        hint: 'kith budget',
      }
    default: {
      const key = ask.dailyUsd === undefined ? 'ask.daily_tokens' : 'ask.daily_usd'
      return { ...peersRule(key, 'what it may spend in a day is used up'), hint: 'kith budget' }
    }
  }
}

/** A rule of the peer's entry: `key` is where it is there. */
function peersRule(key: string, why: string): Rule {
  return { rule: key, why, at: { file: 'peers.yaml', key: key.split('.') } }
}

function textOf(value: string | number | undefined, otherwise: string): string {
  return value === undefined ? otherwise : String(value)
}
