/** Why a peer is not there, and what to do about it. */
export interface Diagnosis {
  cause: 'offline' | 'other-key' | 'not-pinned' | 'version' | 'unknown'
  what: string
  hint: string
}

interface Dialled {
  lastError: string
  /** Peer id of whoever is at its address and has not shown to be this peer. */
  otherKey?: string | undefined
}

/** What a dial ends with, as the system, libp2p and this node say it; the first that fits is the cause. */
const SIGNS: readonly [sign: RegExp, cause: Diagnosis['cause']][] = [
  [/speaks link versions/, 'version'],
  [/another key than|is the address of/, 'other-key'],
  [
    /nobody answers|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|ECONNRESET|ENOTFOUND|EAI_AGAIN|EHOSTDOWN|ENOENT|timed? ?out|aborted|in time/i,
    'offline',
  ],
  [/hung up|did not last|showed a pinned node's key log|no hello/, 'not-pinned'],
]

/** What the dialer says of the peer of this name, whom it could not reach. */
export function diagnose(name: string, { lastError, otherKey }: Dialled): Diagnosis {
  const sign = SIGNS.find(([text]) => text.test(lastError))?.[1] ?? 'unknown'
  const cause = otherKey === undefined ? sign : 'other-key'
  return { cause, ...TEXTS[cause](name, lastError) }
}

const TEXTS: Record<
  Diagnosis['cause'],
  (name: string, lastError: string) => Omit<Diagnosis, 'cause'>
> = {
  offline: (name, lastError) => ({
    what: `${name} is offline, or not where its address says: ${lastError}`,
    hint: `kith peers show ${name}`,
  }),
  'other-key': (name, lastError) => ({
    what: `${name} is not at its address any more: ${lastError}`,
    hint: `ask its owner for the address, then: kith peers set-address ${name} /ip4/…/tcp/…`,
  }),
  'not-pinned': (name, lastError) => ({
    what: `${name} does not let this node in, and may have unpinned it: ${lastError}`,
    hint: `ask its owner what this says there: kith peers list; its pin may have gone`,
  }),
  version: (name, lastError) => ({
    what: `${name} runs another version, and the two do not understand each other: ${lastError}`,
    hint: 'update the older one of the two',
  }),
  unknown: (name, lastError) => ({
    what: `${name}: ${lastError}`,
    hint: `kith peers show ${name}`,
  }),
}
