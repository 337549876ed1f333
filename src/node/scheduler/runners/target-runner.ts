import type { StandardPreset } from '../../../agent/presets.ts'
import { KithError } from '../../../protocol/errors.ts'
import { egressRefusal } from '../egress.ts'
import type { EngineReach } from '../egress.ts'
import type { Job } from '../job.ts'
import type { Results } from '../results.ts'
import type { Result, RunContext, Runner } from '../runner.ts'
import type { AskRunner } from './ask-runner.ts'
import type { BackupRunner } from './backup-runner.ts'
import type { CommandRunner } from './command-runner.ts'
import type { WebhookRunner } from './webhook-runner.ts'

export interface TargetRunnerComponents {
  ask: Pick<AskRunner, 'run'>
  backup: Pick<BackupRunner, 'run'>
  command: Pick<CommandRunner, 'run'>
  webhook: Pick<WebhookRunner, 'run'>
  results: Pick<Results, 'assertRoom'>
  /** How far the engine of this node reaches for an ask with this preset. */
  reachOf: (preset: StandardPreset) => EngineReach
}

/** Hands a job to the runner of its target, once its egress covers what that would reach. */
export class TargetRunner implements Runner {
  readonly #components: TargetRunnerComponents

  constructor(components: TargetRunnerComponents) {
    this.#components = components
  }

  /** @throws {KithError} `denied` with rule `egress`; `list-full`; as the runner of the target */
  async run(job: Job, context: RunContext, signal: AbortSignal): Promise<Result> {
    const { ask, backup, command, reachOf, results, webhook } = this.#components
    const { target } = job
    const refusal = egressRefusal(target, reachOf)
    if (refusal !== undefined) throw new KithError('denied', refusal, { rule: 'egress' })
    results.assertRoom(job)
    switch (target.kind) {
      case 'ask':
        return await ask.run(job, target, context, signal)
      case 'command':
        return await command.run(job, target, context, signal)
      case 'webhook':
        return await webhook.run(job, target, context, signal)
      case 'backup':
        return await backup.run(job, context, signal)
    }
  }
}
