import type { StatusEnd } from '../../protocol/status.ts'
import { emptyCall } from '../../protocol/verbs.ts'
import { defineVerb } from './verb.ts'
import type { AnyVerb } from './verb.ts'

/** `status`: the health summary, without anything about other peers. */
export function statusVerb(summary: () => StatusEnd): AnyVerb {
  return defineVerb({ name: 'status', body: emptyCall, run: () => summary() })
}
