import { join } from 'node:path'
import { cutToBytes } from './cut.ts'
import type { Memory, Note } from './memory.ts'
import { OWNER_NAME } from './ports.ts'
import { readRegularFile, systemCode } from './read-file.ts'
import { framed } from './untrusted.ts'

/** Largest file of the owner's that is read, and most of it that goes into a prompt, in bytes of UTF-8. */
const MAX_OWNER_FILE_BYTES = 1_048_576
export const MAX_PROMPT_FILE_BYTES = 16_384

/** What the owner has written for the agent to know, as a system prompt takes it. */
export class OwnerFiles {
  readonly #folder: string
  readonly #memory: Pick<Memory, 'recall'>

  /** `folder` has `AGENT.md`, which says how the agent is to be, and `USER.md`, which says who the owner is. */
  constructor(folder: string, memory: Pick<Memory, 'recall'>) {
    this.#folder = folder
    this.#memory = memory
  }

  /**
   * The text of the files, each with its name, cut where it is long. `USER.md` and the notes go in for an ask that
   * may recall, and for no other. What others had noted is framed as data from them.
   */
  async prompt({ mayRecall }: { mayRecall: boolean }): Promise<string> {
    const parts = [await this.#file('AGENT.md')]
    if (mayRecall) parts.push(await this.#file('USER.md'), await this.#notes())
    return parts.filter((part) => part !== '').join('\n\n')
  }

  async #file(name: string): Promise<string> {
    try {
      const bytes = await readRegularFile(join(this.#folder, name), MAX_OWNER_FILE_BYTES, name)
      const text = bytes.toString().trim()
      return text === '' ? '' : `# ${name}\n${cut(text)}`
    } catch (err) {
      if (systemCode(err) === 'ENOENT') return ''
      throw err
    }
  }

  async #notes(): Promise<string> {
    const notes = await this.#memory.recall([])
    const own = notes.filter(({ source }) => source === OWNER_NAME)
    const others = notes.filter(({ source }) => source !== OWNER_NAME)
    const parts = []
    if (own.length > 0) parts.push(`# MEMORY.md\n${cut(own.map(lineOf).join('\n'))}`)
    if (others.length > 0) parts.push(framed(cut(others.map(lineOf).join('\n')), 'notes of others'))
    return parts.join('\n\n')
  }
}

function lineOf({ at, source, text }: Note): string {
  return at === undefined ? `- ${text}` : `- ${at} [from ${source}] ${text}`
}

function cut(whole: string): string {
  const { leftOut, text } = cutToBytes(whole, MAX_PROMPT_FILE_BYTES)
  return leftOut === 0 ? text : `${text}\n[cut here: ${leftOut} more bytes]`
}
