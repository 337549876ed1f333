import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { MAX_ASK_TEXT_BYTES } from '../../../protocol/limits.ts'
import { strictMap } from '../../../protocol/strict-map.ts'

/*
 * The key `feed` of an entry in jobs.yaml: a folder whose files the job is given, one a run.
 */

/** Longest item that a feed may take: it goes through memory whole. */
const MAX_ITEM_BYTES = 16_777_216

/** Room in an ask for what stands around an item: two marks, a sentence, and the name of its file. */
const FRAME_BYTES = 1_024

export interface FeedRule {
  /** Absolute. What is in its own folders is not looked at. */
  folder: string
  /** Names of files that are taken; `*` stands for anything. */
  accept: string[]
  /** Longest item. @default 131_072 */
  maxBytes: number
  /** How often an item may fail before it is set aside. @default 3 */
  quarantineAfter: number
  /** Most items that are handed over each time the job is due. @default 20 */
  batch: number
}

const pattern = z
  .string()
  .min(1)
  .max(255)
  .refine((text) => !text.includes('/'), 'a name has no /: folders in the folder are not read')
  .refine((text) => !text.startsWith('.'), 'what begins with a dot is never taken')

export const feedRule = strictMap({
  folder: z.string().max(4_096).refine(isAbsolute, 'not an absolute path'),
  accept: z.array(pattern).min(1).max(32),
  max_bytes: z.int().positive().max(MAX_ITEM_BYTES).default(131_072),
  quarantine_after: z.int().positive().max(100).default(3),
  batch: z.int().positive().max(1_000).default(20),
}).transform(({ accept, batch, folder, max_bytes, quarantine_after }): FeedRule => ({
  ...{ folder, accept, batch },
  maxBytes: max_bytes,
  quarantineAfter: quarantine_after,
}))

/** What a job says that has a say in whether it can have a feed. */
export interface FedJob {
  overlap: string
  target: { kind: string; text?: string }
}

/** Why a job cannot have this feed, or undefined. */
export function feedFault({ maxBytes }: FeedRule, { overlap, target }: FedJob): string | undefined {
  if (overlap === 'replace') return 'overlap: replace would end the work on an item for that on it'
  if (target.kind === 'command') return undefined
  if (target.kind !== 'ask') return `items go to an ask or a command, and not to a ${target.kind}`
  const room = MAX_ASK_TEXT_BYTES - FRAME_BYTES - Buffer.byteLength(target.text ?? '')
  if (maxBytes <= room) return undefined
  return `max_bytes is more than an ask with this text has room for: ${Math.max(0, room)}`
}
