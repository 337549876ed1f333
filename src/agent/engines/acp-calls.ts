import { createHash } from 'node:crypto'
import { isAbsolute, relative, sep } from 'node:path'
import type {
  PermissionOption,
  PermissionOptionKind,
  RequestPermissionOutcome,
  ToolCallUpdate,
  ToolKind,
} from '@agentclientprotocol/sdk'
import type { ToolClass } from '../presets.ts'
import { accountOf } from '../shown.ts'
import type { GuardedCall, Risk } from '../tool-guard.ts'

/** Longest name of a tool that an agent may say, in code points. */
export const MAX_NAME_CHARS = 64

interface KindRule {
  class: ToolClass
  /** Its risk where the agent says that it stays within the workspace. It is `caution` elsewhere. */
  within: Risk
}

/** What each kind of tool does, by the words of the protocol. One that we do not know may do anything. */
const KIND_RULES: Readonly<Record<ToolKind, KindRule>> = {
  read: { class: 'read', within: 'safe' },
  search: { class: 'read', within: 'safe' },
  think: { class: 'read', within: 'safe' },
  edit: { class: 'write', within: 'safe' },
  delete: { class: 'write', within: 'caution' },
  move: { class: 'write', within: 'caution' },
  execute: { class: 'exec', within: 'caution' },
  fetch: { class: 'network', within: 'caution' },
  switch_mode: { class: 'exec', within: 'caution' },
  other: { class: 'exec', within: 'caution' },
}

/**
 * The call that an agent wants permission for, as we judge it: by the kind and the paths that the agent names. It
 * is believed in that, for it could act without asking.
 */
export function guardedCall(
  { kind, locations, rawInput, title }: ToolCallUpdate,
  cwd: string,
): GuardedCall {
  const known = kind ?? 'other'
  const rule = KIND_RULES[known]
  const paths = (locations ?? []).map(({ path }) => path)
  const within =
    known === 'think' || (paths.length > 0 && paths.every((path) => isBelow(path, cwd)))
  const input = rawInput === undefined ? '' : ` ${JSON.stringify(rawInput)}`
  const what = `${known}: ${[title ?? '', ...paths].join(' ')}${input}`
  return {
    tool: { name: `acp:${known}`, class: rule.class },
    risk: within ? rule.within : 'caution',
    what,
    // Of all of it, also of what is too long to be shown: an answer is for no other call.
    key: createHash('sha256').update(what).digest('hex'),
    // What it runs may be in a file, which is another one the next time.
    onceOnly: rule.class === 'exec',
  }
}

/** An agent reads a file of the workspace through us, or writes `content` to it. */
export function fileCall(path: string, content?: string): GuardedCall {
  const verb = content === undefined ? 'read' : 'edit'
  const call = {
    tool: { name: `acp:${verb}`, class: KIND_RULES[verb].class },
    risk: 'safe',
    what: `${verb}: ${path}`,
    key: `${verb} ${path}`,
  } as const
  if (content === undefined) return call
  return { ...call, what: `${call.what}, ${accountOf(content)}`, details: content }
}

/** The answer among `options` that allows or rejects this one call. No answer of ours is for more than that. */
export function outcomeOf(
  options: readonly PermissionOption[],
  allowed: boolean,
): RequestPermissionOutcome {
  const kinds: PermissionOptionKind[] = allowed ? ['allow_once'] : ['reject_once', 'reject_always']
  const option = kinds
    .map((kind) => options.find((candidate) => candidate.kind === kind))
    .find((candidate) => candidate !== undefined)
  if (option === undefined) return { outcome: 'cancelled' }
  return { outcome: 'selected', optionId: option.optionId }
}

/** The path below `cwd`, parted by `/`, of an absolute one; as it is when it does not lie below it. */
export function withinWorkspace(path: string, cwd: string): string {
  return isBelow(path, cwd) ? relative(cwd, path).split(sep).join('/') : path
}

function isBelow(path: string, cwd: string): boolean {
  const way = relative(cwd, path)
  return isAbsolute(path) && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}
