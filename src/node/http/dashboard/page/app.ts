/** The dashboard: asks the node how it is, shows that, and passes on what a person decides. */
import { Actions } from './actions.ts'
import { AskReader } from './ask-reader.ts'
import { leave } from './client.ts'
import { render } from './dom.ts'
import { frame } from './frame.ts'
import { Live } from './live.ts'
import { Teller } from './teller.ts'
import type { View } from './view.ts'

/** For so long after approvals have come, gone or moved, in ms, a press was meant for what was there before. */
const SETTLE_MS = 500

/** The page as a whole: draws anew whatever has changed. */
class Dashboard {
  readonly #page = byId('page')
  readonly #teller = new Teller(byId('told'))
  readonly #unfolded = new Set<string>()
  readonly #changed = (): void => {
    this.#drawSoon()
  }
  readonly #live = new Live(this.#changed)
  readonly #reader = new AskReader(this.#changed)
  readonly #actions = new Actions({
    onChange: this.#changed,
    onDone: () => {
      this.#live.poke()
    },
  })
  #drawing = false
  /** The approvals that are drawn, and when they take a press. */
  #approvals = ''
  #settledAt = 0
  #software: string | undefined

  start(): void {
    document.addEventListener('visibilitychange', () => {
      this.#reader.onVisible(!document.hidden)
      if (!document.hidden) this.#live.poke()
    })
    // A new link pasted into the same tab changes no more than the part behind the #.
    window.addEventListener('hashchange', () => {
      if (location.hash.startsWith('#code=')) this.#live.poke()
    })
    this.#drawSoon()
    void this.#live.run()
  }

  /** Draws once before the next frame, however much has changed by then. */
  #drawSoon(): void {
    if (this.#drawing) return
    this.#drawing = true
    requestAnimationFrame(() => {
      this.#drawing = false
      this.#draw()
    })
  }

  #draw(): void {
    this.#reloadIfOther()
    this.#settle()
    const view: View = {
      live: this.#live,
      reader: this.#reader,
      actions: this.#actions,
      now: Date.now(),
      settled: performance.now() >= this.#settledAt,
      unfolded: this.#unfolded,
      changed: this.#changed,
    }
    render(
      this.#page,
      frame(view, () => {
        this.#logOut()
      }),
    )
    this.#teller.tell(this.#live, this.#reader)
    document.title = titleText(this.#live)
  }

  /** Notes when what can be pressed has moved, and draws again when it has been still for long enough. */
  #settle(): void {
    const open = this.#live.loaded.approvals?.value ?? []
    const shown = open.map(({ approval }) => approval).join()
    if (shown === this.#approvals) return
    this.#approvals = shown
    this.#settledAt = performance.now() + SETTLE_MS
    setTimeout(this.#changed, SETTLE_MS)
  }

  /** A node of another version has another page. */
  #reloadIfOther(): void {
    const now = this.#live.loaded.status?.value?.software
    if (this.#software !== undefined && now !== undefined && now !== this.#software) {
      location.reload()
    }
    this.#software ??= now
  }

  #logOut(): void {
    this.#actions.do('leave', async () => {
      await leave()
      return 'This page no longer speaks for you'
    })
  }
}

/** `(2) bert – kith`: how much waits for a person comes first, where a narrow tab shows it. */
function titleText({ loaded: { alerts, approvals, status } }: Live): string {
  const open = (alerts?.value ?? []).filter(({ seenAt }) => seenAt === undefined).length
  const waiting = open + (approvals?.value?.length ?? 0)
  const name = status?.value?.name ?? 'this node'
  return `${waiting > 0 ? `(${waiting}) ` : ''}${name} – kith`
}

function byId(id: string): Element {
  const found = document.getElementById(id)
  if (found === null) throw new TypeError(`the page has no ${id}`)
  return found
}

new Dashboard().start()
