import { z } from 'zod'
import { at, nothing, route } from './route.ts'

const bytes = z.int().nonnegative()
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const path = z.string().startsWith('/', 'not an absolute path')

/** `hash`: its bytes are those that were written; `content`: it was opened and is whole; `drill`: a node was started. */
const how = z.enum(['hash', 'content', 'drill'])

const checkResult = z.strictObject({ at, how, ok: z.boolean(), why: z.exactOptional(z.string()) })

export const backupReport = z.strictObject({
  file: z.string(),
  /** When the home was as it is in it. */
  backupAt: at,
  /** Length of the file. */
  bytes,
  /** `changed`: its length is another one; `unknown`: a file of this name that this node has no entry of. */
  standing: z.enum(['there', 'missing', 'changed', 'unknown']),
  sha256: z.exactOptional(sha256),
  lock: z.exactOptional(z.enum(['passphrase', 'recipients'])),
  /** Who made it: `self`, or the name of a job. */
  by: z.exactOptional(z.string()),
  /** Its node has signed it. */
  signed: z.exactOptional(z.literal(true)),
  /** The last reading of it, and the last drill. */
  verified: z.exactOptional(checkResult),
  drilled: z.exactOptional(checkResult),
})

const madeReport = backupReport.extend({
  /** What is in the home and not in the backup: links, sockets, and what is none of kith’s. */
  leftOut: z.array(z.string()),
  /** Those of them that changed whenever they were read. */
  changing: z.array(z.string()),
})

const backupsReport = z.strictObject({
  /** Newest first. */
  backups: z.array(backupReport),
  /** When a backup was last made, read back, and tried. */
  ages: z.strictObject({
    madeAt: z.exactOptional(at),
    verifiedAt: z.exactOptional(at),
    drilledAt: z.exactOptional(at),
  }),
  /** As config.yaml has it. */
  to: z.exactOptional(z.string()),
  recipients: z.array(z.string()),
})

export const BACKUP_ROUTES = {
  /** All that are known, whether or not their files are there. */
  backups: route('GET', '/v1/backups', nothing, backupsReport),
  /** Answers when it is made, on disk and read back. Without a passphrase, those of `recipients` or the config open it. */
  createBackup: route(
    'POST',
    '/v1/backups',
    z.strictObject({
      to: z.exactOptional(path),
      passphrase: z.exactOptional(z.string().min(1)),
      recipients: z.exactOptional(z.array(z.string()).min(1)),
      /** Leaves it unsigned, so that nobody takes it without being told to. */
      unsigned: z.exactOptional(z.literal(true)),
    }),
    madeReport,
  ),
  /** How far the backup is that is being made; without totals when none is. */
  backupProgress: route(
    'GET',
    '/v1/backups/progress',
    nothing,
    z.strictObject({
      phase: z.enum(['idle', 'writing', 'checking']),
      doneBytes: bytes,
      totalBytes: bytes,
    }),
  ),
  /** Notes what somebody with its key has found of a backup; `found` where it may be one that is not known. */
  noteBackup: route(
    'POST',
    '/v1/backups/note',
    z.strictObject({
      file: path,
      how,
      ok: z.boolean(),
      why: z.exactOptional(z.string()),
      found: z.exactOptional(z.strictObject({ node: z.string(), backupAt: at, bytes, sha256 })),
    }),
    nothing,
  ),
  /** What the rule of the config keeps and removes. Nothing is removed unless `remove` is true. */
  pruneBackups: route(
    'POST',
    '/v1/backups/prune',
    z.strictObject({ remove: z.boolean() }),
    z.strictObject({
      kept: z.array(backupReport),
      removed: z.array(backupReport),
      /** Damaged, not there, or not known: the rule says nothing of them. */
      spared: z.array(backupReport),
    }),
  ),
}

/** Routes that are there without a running node too. */
export type BackupRoute = keyof typeof BACKUP_ROUTES
export type MadeReport = z.infer<typeof madeReport>
export type BackupReport = z.infer<typeof backupReport>
export type BackupsReport = z.infer<typeof backupsReport>

/** What a backup says of itself, in short. */
export interface BackupSummary {
  node: string
  /** Number of the last event of its key log. */
  sn: number
  /** When the home was as it is in it, in ms since the epoch. */
  backupAt: number
  software: string
  files: number
  bytes: number
}

/** Who has made a backup, and how that is known. */
export interface BackupAuthor {
  node: string
  /** Four words of the id, to be compared aloud. */
  words: string[]
  /**
   * What says that this node has signed it: the key log of the `home` that is there; that of the node that was `named`;
   * nothing but the backup `itself`, which anybody could have made of a node of his own. `unsigned`: nobody has.
   */
  proof: 'home' | 'named' | 'itself' | 'unsigned'
  /** The key that has signed it was given up later as stolen: its thief may have made this. */
  stolen?: true
}

/** What somebody has found who has read a backup whole, or compared its bytes with their hash. */
export interface VerifyReport {
  how: 'hash' | 'content'
  ok: boolean
  why?: string
  /** What to do about one that is not of the node that it must be of, or that nobody has signed. It may well be whole. */
  unproved?: string
  summary?: BackupSummary
  author?: BackupAuthor
  /** For the log of the node that it is of. */
  found?: NonNullable<z.input<typeof BACKUP_ROUTES.noteBackup.input>['found']>
}
