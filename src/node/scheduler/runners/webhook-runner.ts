import type { Job, Target } from '../job.ts'
import type { Result, RunContext } from '../runner.ts'
import { postWebhook, webhookBody } from '../delivery/webhook.ts'
import type { WebhookComponents } from '../delivery/webhook.ts'

/** Calls an address for each attempt. All attempts of a run have its id, by which whoever is called can tell them. */
export class WebhookRunner {
  readonly #components: WebhookComponents

  constructor(components: WebhookComponents) {
    this.#components = components
  }

  /** @throws {KithError} as `postWebhook` */
  async run(
    { name }: Job,
    { secret, url }: Extract<Target, { kind: 'webhook' }>,
    { dueAt, progress, run }: RunContext,
    signal: AbortSignal,
  ): Promise<Result> {
    progress()
    const body = webhookBody('job.due', dueAt, { job: name, run, dueAt })
    const status = await postWebhook(this.#components, { url, secret, id: run, body }, signal)
    return { summary: `status ${status}` }
  }
}
