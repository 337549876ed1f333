import { DiscardPolicy, JetStreamApiError, RetentionPolicy, StorageType } from '@nats-io/jetstream'
import type { JetStreamManager, StreamConfig } from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'
import { RUN_CAPS } from '../retention.ts'

/** What the servers keep for one set of nodes, by the names that it has there. */
export interface StreamNames {
  /** Bucket of the job list and of where each job stands. */
  jobs: string
  /** Bucket of the runs that have ended. */
  runs: string
  /** Stream of the runs that are to be claimed. */
  due: string
}

const DAY_MS = 86_400_000

/** The longest that a run may wait and work, with all its attempts, is well under it. */
const MAX_DUE_MS = 30 * DAY_MS

/** How long a message id is remembered: a write that was cut off is sent again well within it. */
const DEDUPE_MS = 600_000

/** Values of a key that are kept: a write that was cut off is known again below so many later ones. */
const HISTORY = 8

const MIB = 1_048_576

/** @see https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-8.md for the names of buckets */
export function namesOf(prefix: string): StreamNames {
  return { jobs: `${prefix}-jobs`, runs: `${prefix}-runs`, due: `${prefix}-due` }
}

/** What to publish to: `job` is the last part of it. */
export function dueSubject(prefix: string, job: string): string {
  return `${prefix}.due.${job}`
}

/** What a bucket's key is published to. */
export function keySubject(bucket: string, key: string): string {
  return `$KV.${bucket}.${key}`
}

/** Makes the streams, or changes them to what they are to be; as they are, they are left alone. */
export async function ensureStreams(
  manager: JetStreamManager,
  prefix: string,
  replicas: number,
): Promise<void> {
  for (const wanted of streamsOf(prefix)) {
    await ensure(manager, { ...wanted, num_replicas: replicas })
  }
}

type Wanted = Partial<StreamConfig> & Pick<StreamConfig, 'name'>

/** Each with a cap by size, count and, where what is old is of no more use, age. */
function streamsOf(prefix: string): Wanted[] {
  const names = namesOf(prefix)
  const bucket = {
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    allow_rollup_hdrs: true,
    // Read from the leader: a follower may not know yet who has the lease.
    allow_direct: false,
    duplicate_window: nanos(DEDUPE_MS),
  }
  return [
    {
      ...bucket,
      name: `KV_${names.jobs}`,
      description: 'kith: the job list, and where each job stands',
      subjects: [keySubject(names.jobs, '>')],
      max_msgs_per_subject: HISTORY,
      max_msgs: 100_000,
      max_bytes: 64 * MIB,
      max_msg_size: MIB,
      // Nothing of it may go by itself: when it is full, writes are refused.
      discard: DiscardPolicy.New,
    },
    {
      ...bucket,
      name: `KV_${names.runs}`,
      description: 'kith: runs that have ended',
      subjects: [keySubject(names.runs, '>')],
      max_msgs_per_subject: 1,
      max_msgs: RUN_CAPS.succeeded.count + RUN_CAPS.failed.count,
      max_bytes: 64 * MIB,
      max_msg_size: 65_536,
      max_age: nanos(RUN_CAPS.failed.ageMs),
      discard: DiscardPolicy.Old,
    },
    {
      name: names.due,
      description: 'kith: runs that are to be claimed',
      subjects: [dueSubject(prefix, '*')],
      storage: StorageType.File,
      retention: RetentionPolicy.Workqueue,
      max_msgs: 10_000,
      max_bytes: 16 * MIB,
      max_msg_size: 4_096,
      max_age: nanos(MAX_DUE_MS),
      discard: DiscardPolicy.New,
      duplicate_window: nanos(DEDUPE_MS),
    },
  ]
}

async function ensure(manager: JetStreamManager, wanted: Wanted): Promise<void> {
  const found = await find(manager, wanted.name)
  if (found === undefined) await add(manager, wanted)
  else if (differs(found, wanted)) await manager.streams.update(wanted.name, wanted)
}

async function find(manager: JetStreamManager, name: string): Promise<StreamConfig | undefined> {
  try {
    return (await manager.streams.info(name)).config
  } catch (err) {
    if (err instanceof JetStreamApiError && err.status === 404) return undefined
    throw err
  }
}

/** Two nodes that make the same one at once both have it, though the server may tell one that its subjects are taken. */
async function add(manager: JetStreamManager, wanted: Wanted): Promise<void> {
  try {
    await manager.streams.add(wanted)
  } catch (err) {
    const made = await find(manager, wanted.name)
    if (made === undefined || differs(made, wanted)) throw err
  }
}

function differs(found: StreamConfig, wanted: Wanted): boolean {
  const keys = Object.keys(wanted) as (keyof Wanted)[]
  return keys.some((key) => JSON.stringify(found[key]) !== JSON.stringify(wanted[key]))
}
