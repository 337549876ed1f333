import { inspect } from 'node:util'

/** What stands for a secret wherever it is printed. */
export const REDACTED = '[secret]'

/** A text that no log, error or dump shows: only `reveal` gives it, where it is used. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  /** `text` without this secret: others repeat in their errors what they were sent. */
  scrub(text: string): string {
    return this.#value === '' ? text : text.replaceAll(this.#value, REDACTED)
  }

  toString(): string {
    return REDACTED
  }

  toJSON(): string {
    return REDACTED
  }

  [inspect.custom](): string {
    return REDACTED
  }
}
