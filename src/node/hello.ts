import { LINK_VERSION_MAX, LINK_VERSION_MIN } from '../protocol/limits.ts'
import { SOFTWARE } from '../protocol/software.ts'
import type { Message } from '../protocol/message.ts'

/** The first message of this node on a link. */
export function helloOf(now: { at: number; sn: number; epoch: number }): Message & { t: 'hello' } {
  return { t: 'hello', ...now, software: SOFTWARE, versions: [LINK_VERSION_MIN, LINK_VERSION_MAX] }
}
