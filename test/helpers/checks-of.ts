import assert from 'node:assert/strict'
import { CHECKS, runChecks } from '../../src/node/checks.ts'
import { leftoverFindings } from '../../src/node/checks/leftovers.ts'
import type { CheckState, Finding } from '../../src/node/checks/finding.ts'
import { applyFixes, planFixes } from '../../src/node/fix-safe.ts'
import type { Home } from '../../src/node/home.ts'
import type { KithNode } from '../../src/node/node.ts'

/** What a check says of a node to which no command has a way. */
export async function checksOf(
  node: KithNode,
  name: string,
  state: CheckState,
  what: RegExp,
): Promise<void> {
  const checks = CHECKS.filter((check) => check.name === name)
  expect(await runChecks(node, checks), state, what)
}

/** What is said of leftovers at another time. Its remedy. */
export async function findingsAt(
  { home }: Pick<KithNode, 'home'>,
  now: number,
  state: CheckState,
  what = /./,
): Promise<string> {
  return expect(await leftoverFindings(home.path, now), state, what)
}

/** `kith doctor --fix-safe` at another time. */
export async function fixAt(home: Home, now: number): Promise<void> {
  const plan = await planFixes(home, now)
  assert.deepEqual(await applyFixes(home, now, plan), plan)
  assert.deepEqual(await planFixes(home, now), [])
}

function expect(found: readonly Finding[], state: CheckState, what: RegExp): string {
  const [first, ...rest] = found
  assert.deepEqual(rest, [])
  assert.equal(first?.state, state)
  assert.match(first.what, what)
  return first.hint ?? ''
}
