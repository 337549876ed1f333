import type { ServerContext } from '@modelcontextprotocol/server'
import { singleLine } from '../../protocol/text.ts'

/** The end of the text so far that a note shows, in code points: the whole comes with the result. */
const MAX_TEXT_CHARS = 200
const MAX_NOTE_CHARS = 300

/** Text comes in many pieces; so often at most a note tells of it, in ms. */
const TEXT_EVERY_MS = 200

/** So often at least one is sent, in ms, as a client may give up on a call that shows no life (most after 60 s). */
const ALIVE_EVERY_MS = 15_000

/** Tells the client of a call what becomes of its ask, if it wants to know. Notes are for people: of one line each. */
export class AskProgress {
  readonly #request: Pick<ServerContext['mcpReq'], '_meta' | 'notify'>
  readonly #peer: string
  readonly #alive: NodeJS.Timeout | undefined
  /** Has to grow with each note (Model Context Protocol, Progress). */
  #count = 0
  #last: string
  #textAt = -TEXT_EVERY_MS

  constructor(request: Pick<ServerContext['mcpReq'], '_meta' | 'notify'>, peer: string) {
    this.#request = request
    this.#peer = peer
    this.#last = `asking ${peer}`
    if (request._meta?.progressToken === undefined) return
    this.#alive = setInterval(() => {
      this.#send(this.#last)
    }, ALIVE_EVERY_MS)
  }

  /** Shows an event of the ask, whose answer is `text` so far. */
  show(event: Readonly<Record<string, unknown>>, text: string): void {
    if (event['kind'] === 'text' && !this.#textIsDue()) return
    const note = this.#noteOf(event, text)
    if (note !== undefined) this.#send(note)
  }

  close(): void {
    clearInterval(this.#alive)
  }

  #textIsDue(): boolean {
    const now = performance.now()
    if (now - this.#textAt < TEXT_EVERY_MS) return false
    this.#textAt = now
    return true
  }

  /** All but the name is the peer's word, so that the name is always there. */
  #noteOf(event: Readonly<Record<string, unknown>>, text: string): string | undefined {
    const peer = this.#peer
    const { kind, name, note, position, state, what } = event
    switch (kind) {
      case 'accepted':
        return position === 0
          ? `${peer} has begun`
          : `${peer} has taken it; ${word(position)} before it`
      case 'text':
        return `${peer}: ${Array.from(text.slice(-2 * MAX_TEXT_CHARS))
          .slice(-MAX_TEXT_CHARS)
          .join('')}`
      case 'progress':
        return `${peer}: ${word(note)}`
      case 'tool':
        return `${peer} uses ${word(name)}: ${word(state)}`
      case 'approval':
        return `${peer} asks its owner, ${word(state)}: ${word(what)}`
      default:
        return undefined
    }
  }

  #send(note: string): void {
    const progressToken = this.#request._meta?.progressToken
    if (progressToken === undefined) return
    const message = singleLine(note, MAX_NOTE_CHARS)
    this.#last = message
    this.#count++
    const params = { progressToken, progress: this.#count, message }
    // A client that went away gets no result either: that is where it is noticed.
    this.#request.notify({ method: 'notifications/progress', params }).catch(() => undefined)
  }
}

function word(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}
