import type { Serving } from '../contenders/contender.ts'
import { loadContender } from '../contenders/table.ts'
import { answerParent } from './answer.ts'
import {
  serverRequest,
  type Done,
  type Served,
  type ServerRequest,
  type ServerUsage,
} from './messages.ts'
import { ownUsage, usageOf } from './usage.ts'

type ServeRequest = Extract<ServerRequest, { kind: 'serve' }>

/** Serves one contender in a process of its own. */
class ServerProcess {
  #serving: Serving | undefined

  async handle(request: ServerRequest): Promise<Served | ServerUsage | Done> {
    switch (request.kind) {
      case 'serve':
        return this.#serve(request)
      case 'usage':
        // Only there under `--expose-gc`.
        if (request.collectGarbage) await globalThis.gc?.({ execution: 'async' })
        return this.#usage()
      case 'stop':
        await this.#serving?.stop()
        return { done: true }
    }
  }

  async #serve({ contender: name, dir, clients }: ServeRequest): Promise<Served> {
    const contender = await loadContender(name)
    const lacks = contender.lacks?.()
    if (lacks !== undefined) return { lacks }
    this.#serving = await contender.serve({ dir, clients })
    return { address: this.#serving.address }
  }

  async #usage(): Promise<ServerUsage> {
    const pid = this.#serving?.brokerPid
    const broker = pid === undefined ? undefined : await usageOf(pid)
    return { own: ownUsage(), ...(broker && { broker }) }
  }
}

const server = new ServerProcess()
answerParent(async (message) => server.handle(serverRequest.parse(message)))
