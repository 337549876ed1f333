import type { DaemonView } from '../control/handlers/daemon.ts'
import type { KithNode } from '../node.ts'
import { openProfile } from '../open-profile.ts'
import type { OpenProfile, ProfileInit } from '../open-profile.ts'
import type { Part } from '../supervisor/supervised-part.ts'

/** What a profile may take that was never open, in ms. */
const DRAIN_MS = 10_000

/** A profile as a part of the daemon: each start opens its home anew. */
export class ProfilePart implements Part {
  readonly name: string
  readonly #init: () => Promise<ProfileInit>
  readonly #daemon: DaemonView
  #open: OpenProfile | undefined
  /** Told when somebody has told this profile alone to stop. */
  onTold: (by: string) => void = () => undefined

  constructor(name: string, init: () => Promise<ProfileInit>, daemon: DaemonView) {
    this.name = name
    this.#init = init
    this.#daemon = daemon
  }

  /** While it is open. */
  get node(): KithNode | undefined {
    return this.#open?.node
  }

  get drainMs(): number {
    return this.#open?.drainMs ?? DRAIN_MS
  }

  async start(): Promise<void> {
    const open = await openProfile({ ...(await this.#init()), daemon: this.#daemon })
    this.#open = open
    const readyAfterMs = Math.round(await open.start({ loop: true }))
    const { node, told } = open
    node.log.info({ id: node.self.id, listening: node.mesh.addresses(), readyAfterMs }, 'ready')
    void told.then((by) => {
      this.onTold(by)
    })
  }

  async stop(): Promise<void> {
    const open = this.#open
    this.#open = undefined
    await open?.close()
    open?.node.log.info('stopped')
  }
}
