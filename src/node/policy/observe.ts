import type { Agent } from '../../agent/agent.ts'
import type { EngineAsk, EngineEvent } from '../../agent/ports.ts'
import type { PolicyTelemetry } from './telemetry.ts'

/** What stands where a secret was taken out of an answer. */
const REDACTED = /\[redacted: [^\]]{1,64}\]/

/** `agent`, with what its rules do to the answers to peers counted: held back for a person, or cut. */
export function observed(
  agent: Pick<Agent, 'name' | 'run'>,
  telemetry: Pick<PolicyTelemetry, 'count'>,
): Pick<Agent, 'name' | 'run'> {
  return {
    get name() {
      return agent.name
    },
    run: async function* (ask: EngineAsk, signal: AbortSignal): AsyncGenerator<EngineEvent> {
      for await (const event of agent.run(ask, signal)) {
        const what = countedAs(event)
        // The owner's own asks come from no node.
        if (what !== undefined && ask.chain.length > 0) telemetry.count(ask.asker.id, what, ask.id)
        yield event
      }
    },
  }
}

/** `review` for what waits for a person; `filtered` for a tool that was refused, or a secret that was taken out. */
function countedAs(event: EngineEvent): 'filtered' | 'review' | undefined {
  switch (event.kind) {
    case 'approval':
      return event.state === 'waiting' ? 'review' : undefined
    case 'tool':
      return event.state === 'denied' ? 'filtered' : undefined
    case 'text':
      return REDACTED.test(event.text) ? 'filtered' : undefined
    case 'progress':
    case 'done':
    case 'failed':
      return undefined
  }
}
