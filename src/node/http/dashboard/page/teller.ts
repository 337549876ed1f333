import type { Live } from './live.ts'
import type { AskReader } from './ask-reader.ts'
import { line, some } from './words.ts'

/** Says what is new to whoever does not see it: a screen reader reads the text of `region` as it changes. */
export class Teller {
  readonly #region: Element
  #connection: Live['connection'] = 'starting'
  #approvals = new Set<string>()
  #alerts = new Set<string>()
  #answered: string | undefined
  #health: string | undefined

  constructor(region: Element) {
    this.#region = region
  }

  tell(live: Live, reader: AskReader): void {
    const news = [
      ...this.#ofConnection(live),
      ...this.#ofHealth(live),
      ...this.#ofApprovals(live),
      ...this.#ofAlerts(live),
      ...this.#ofAnswer(reader),
    ]
    if (news.length > 0) this.#region.textContent = news.join('. ')
  }

  #ofConnection({ connection }: Live): string[] {
    const before = this.#connection
    this.#connection = connection
    return before === 'gone' && connection === 'live' ? ['The node is back'] : []
  }

  #ofHealth({ loaded }: Live): string[] {
    const before = this.#health
    this.#health = loaded.status?.value?.health ?? before
    if (before === undefined || before === this.#health) return []
    return [`The node is ${this.#health ?? ''}`]
  }

  #ofApprovals({ loaded }: Live): string[] {
    const open = loaded.approvals?.value ?? []
    const fresh = open.filter(({ approval }) => !this.#approvals.has(approval))
    this.#approvals = new Set(open.map(({ approval }) => approval))
    return fresh.map(({ asker, what }) => `Waits for you: ${line(what)}, for ${line(asker)}`)
  }

  #ofAlerts({ loaded }: Live): string[] {
    const open = (loaded.alerts?.value ?? []).filter(({ seenAt }) => seenAt === undefined)
    const fresh = open.filter(({ id }) => !this.#alerts.has(id))
    this.#alerts = new Set(open.map(({ id }) => id))
    const [only] = fresh
    if (only === undefined) return []
    return [fresh.length === 1 ? `New alert: ${line(only.what)}` : some(fresh.length, 'new alert')]
  }

  #ofAnswer({ ask, final }: AskReader): string[] {
    if (ask === undefined || final === undefined || this.#answered === ask) return []
    this.#answered = ask
    return [
      final.outcome === 'done' ? 'The answer is whole' : `The ask has failed: ${line(final.code)}`,
    ]
  }
}
