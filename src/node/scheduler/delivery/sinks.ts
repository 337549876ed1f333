import { isFailure, toError } from '../../../protocol/errors.ts'
import type { Artifact } from '../artifact.ts'
import type { ArtifactStore } from '../artifact-store.ts'
import type { Delivery, TryEnd } from './delivery.ts'
import { deliverToFile } from './file-sink.ts'
import type { FileSinkComponents } from './file-sink.ts'
import { deliverToPeer } from './peer-sink.ts'
import type { PeerSinkComponents } from './peer-sink.ts'
import { postWebhook, webhookBody } from './webhook.ts'
import type { WebhookComponents } from './webhook.ts'

/** What no other try would change. */
const FINAL = ['denied', 'too-large', 'unsafe-file']

export type SinkComponents = FileSinkComponents &
  PeerSinkComponents &
  WebhookComponents & { artifacts: Pick<ArtifactStore, 'get' | 'made'> }

/** One try to bring a result to where it is to go. @throws the signal's reason */
export async function deliver(
  components: SinkComponents,
  delivery: Delivery,
  signal: AbortSignal,
): Promise<TryEnd> {
  const { artifacts } = components
  const { run, to } = delivery
  const artifact = await artifacts.get(run)
  const content = artifact === undefined ? undefined : (await artifacts.made(run))?.content
  if (delivery.kept === true && content === undefined) {
    const why = 'the result is no longer kept'
    return { kind: 'failed', code: 'unknown-artifact', why, again: false }
  }
  try {
    switch (to.kind) {
      case 'file':
        return await deliverToFile(components, delivery, to.path, content ?? tellEnd(delivery))
      case 'peer': {
        const text = `${headOf(delivery)}\n\n${content ?? tellEnd(delivery)}`
        return await deliverToPeer(components, delivery, to.peer, text, signal)
      }
      case 'webhook': {
        const { secret, url } = to
        const body = bodyOf(delivery, artifact, content)
        // What is signed has the id before a full stop: one within it would be read as two ways to part the rest.
        const id = delivery.delivery.replace('.', '_')
        await postWebhook(components, { url, secret, id, body }, signal)
        return { kind: 'done' }
      }
    }
  } catch (err) {
    if (signal.aborted) throw err
    const code = isFailure(err) ? err.code : 'internal'
    return { kind: 'failed', code, why: toError(err).message, again: !FINAL.includes(code) }
  }
}

/** What there is to say of a run of which nothing is kept. */
function tellEnd({ end }: Delivery): string {
  const { failure, state, summary = '' } = end
  return state === 'succeeded' ? summary : `${state}: ${failure?.why ?? 'no reason was given'}`
}

function headOf({ end, job, run }: Delivery): string {
  return `Result of job ${job}, run ${run}, ${end.state}, due ${new Date(end.dueAt).toISOString()}:`
}

/** The same for each try: with the id it is what a sink may compare. */
function bodyOf(
  { end, job, run }: Delivery,
  artifact: Artifact | undefined,
  content: string | undefined,
): string {
  const made =
    artifact === undefined
      ? {}
      : { artifact: provenanceOf(artifact), ...(content === undefined ? {} : { content }) }
  return webhookBody('job.ended', end.finalAt, { job, run, ...end, ...made })
}

/** Where a result comes from, as others see it: whether somebody has accepted it may change from try to try. */
function provenanceOf(artifact: Artifact): object {
  const { egress, engine, madeAt, model, sensitivity, sizeBytes, sources, trace } = artifact
  return {
    ...{ madeAt, engine, model, trace, sensitivity, egress, sizeBytes },
    sources: sources.map(({ digest, ref }) => ({ ref, digest: hex(digest) })),
    prompt: hex(artifact.prompt),
    context: hex(artifact.context),
    content: hex(artifact.content),
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
