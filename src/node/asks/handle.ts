import type { AskGrant } from '../../protocol/pin.ts'
import type { AskFinal } from '../../protocol/verbs.ts'
import type { AskRecord } from './ask-store.ts'
import type { AskEvent } from './feed.ts'

/** Who asks, and what is granted. */
export interface AskerInfo {
  /** Our name for the peer, or `self`. */
  name: string
  /** Node id. */
  id: string
  grant: Pick<AskGrant, 'preset' | 'approve' | 'parallel' | 'queue' | 'maxSeconds' | 'dailyBytes'>
}

/** How an asker stands, by the pins in force. */
export interface AskerStanding {
  asker: AskerInfo
  /** The rule by which it may not ask now, if there is one. */
  deniedBy: string | undefined
}

/** An ask whose answer can be read. */
export interface AskHandle {
  record: AskRecord
  /** Asks of the same asker that stood before it when it came. */
  position: number
  /** Events after this number as they come, then the final. @throws the signal's reason */
  read(after: number, signal?: AbortSignal): AsyncGenerator<AskEvent, AskFinal>
}
