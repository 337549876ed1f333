import { KithError } from '../../../protocol/errors.ts'
import { egressRefusal } from '../egress.ts'
import type { EngineReach } from '../egress.ts'
import type { Job } from '../job.ts'
import type { RunContext, Runner } from '../runner.ts'
import type { AskRunner } from './ask-runner.ts'
import type { CommandRunner } from './command-runner.ts'

export interface TargetRunnerComponents {
  ask: Pick<AskRunner, 'run'>
  command: Pick<CommandRunner, 'run'>
  /** How far the engine of this node reaches. */
  reach: () => EngineReach
}

/** Hands a job to the runner of its target, once its egress covers what that would reach. */
export class TargetRunner implements Runner {
  readonly #components: TargetRunnerComponents

  constructor(components: TargetRunnerComponents) {
    this.#components = components
  }

  /** @throws {KithError} `denied` with rule `egress` or `target`; as the runner of the target */
  async run(job: Job, context: RunContext, signal: AbortSignal): Promise<string> {
    const { ask, command, reach } = this.#components
    const { target } = job
    const refusal = egressRefusal(target, reach())
    if (refusal !== undefined) throw new KithError('denied', refusal, { rule: 'egress' })
    switch (target.kind) {
      case 'ask':
        return await ask.run(job, target, context, signal)
      case 'command':
        return await command.run(job, target, context, signal)
      case 'backup':
      case 'webhook': {
        const why = `this node cannot run the target ${target.kind}`
        throw new KithError('denied', why, { rule: 'target' })
      }
    }
  }
}
