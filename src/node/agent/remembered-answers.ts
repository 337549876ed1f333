import type { Database, Operation } from '../../store/database.ts'
import { Repository } from '../../store/repository.ts'
import type { Clock } from '../clock.ts'
import { firstOf, rememberedSchema, unknownApproval } from './approval-records.ts'
import type { ApprovalRecord, Party, RememberedRecord } from './approval-records.ts'

/** Most answers that are remembered. The oldest is forgotten for a new one: then a person is asked again. */
export const MAX_REMEMBERED = 256

/** A yes to a session is forgotten after this long, and with it before its session can be, which had an ask then. */
export const SESSION_ANSWER_MS = 2_592_000_000

export interface RememberedAnswersComponents {
  database: Database
  clock: Pick<Clock, 'now'>
}

/** A call that may be like one to which a person has said yes. */
export interface AlikeCall {
  /** Node id of the asker: a name can be given to another node. */
  asker: string
  /** Node id of who asked first: whom the asker asks for is not the asker's to choose. */
  first: string
  session: string | undefined
  alike: string
}

/** The answers that hold for more than one call, until they are forgotten. */
export class RememberedAnswers {
  readonly #components: RememberedAnswersComponents
  readonly #rows: Repository<RememberedRecord>
  /** By id, the oldest first. */
  readonly #answers = new Map<string, RememberedRecord>()

  constructor(components: RememberedAnswersComponents) {
    this.#components = components
    this.#rows = new Repository(components.database, 'remembered-answers', rememberedSchema)
  }

  /** Reads what is on disk. Comes before the first ask. */
  async start(): Promise<void> {
    for await (const answer of this.#rows.values()) this.#answers.set(answer.id, answer)
  }

  /** All that hold, the oldest first. */
  list(): RememberedRecord[] {
    return [...this.#answers.values()].filter((answer) => !this.#isOver(answer))
  }

  /** The answer that holds for this call, if there is one. */
  find({ alike, asker, first, session }: AlikeCall): RememberedRecord | undefined {
    return this.list().find(
      (answer) =>
        answer.alike === alike &&
        answer.asker.id === asker &&
        answer.first === first &&
        (answer.scope === 'always' || answer.session === session),
    )
  }

  /** Remembers the answer to an approval from now on, and returns the changes to be written. */
  add(approval: ApprovalRecord, scope: RememberedRecord['scope'], by: Party): Operation[] {
    const { alike, asker, id, session, tool, toolClass, what } = approval
    const place = scope === 'session' && session !== undefined ? { session } : {}
    const at = this.#components.clock.now()
    const answer: RememberedRecord = {
      id,
      scope,
      asker,
      first: firstOf(approval),
      ...place,
      tool,
      toolClass,
      what,
      alike,
      at,
      by,
    }
    this.#answers.set(id, answer)
    const surplus = [...this.#answers.values()]
      .filter((other, nth) => {
        if (this.#isOver(other) || nth < this.#answers.size - MAX_REMEMBERED) return true
        // Who forgets an answer must not leave another that says the same.
        return other !== answer && isSame(other, answer)
      })
      .map((other) => this.#remove(other.id))
    return [this.#rows.put(id, answer), ...surplus]
  }

  /** Forgets one, on disk when this resolves. @throws {KithError} `unknown-approval` */
  async forget(id: string): Promise<RememberedRecord> {
    const answer = this.list().find((other) => other.id === id)
    if (answer === undefined) throw unknownApproval(id, 'kith approvals remembered')
    await this.#components.database.write([this.#remove(id)], { durable: true })
    return answer
  }

  /** Forgets those that `isOver` picks: of a session that was removed, or of a node that is no longer pinned. */
  async forgetIf(isOver: (answer: RememberedRecord) => boolean): Promise<void> {
    const over = [...this.#answers.values()].filter((answer) => isOver(answer))
    if (over.length === 0) return
    const operations = over.map(({ id }) => this.#remove(id))
    await this.#components.database.write(operations, { durable: true })
  }

  #remove(id: string): Operation {
    this.#answers.delete(id)
    return this.#rows.del(id)
  }

  #isOver({ at, scope }: RememberedRecord): boolean {
    return scope === 'session' && at + SESSION_ANSWER_MS <= this.#components.clock.now()
  }
}

function isSame(one: RememberedRecord, other: RememberedRecord): boolean {
  return (
    one.alike === other.alike &&
    one.asker.id === other.asker.id &&
    one.first === other.first &&
    one.scope === other.scope &&
    one.session === other.session
  )
}
