import type { Artifact } from '../scheduler/artifact.ts'
import { sinkText } from '../scheduler/delivery/delivery.ts'
import type { Delivery } from '../scheduler/delivery/delivery.ts'
import type { Results } from '../scheduler/results.ts'
import type { ArtifactReport, DeliveryReport } from './routes/artifacts.ts'
import type { RunReport } from './routes/jobs.ts'

/** An artifact as those who look at it see it. */
export function reportArtifact(artifact: Artifact): ArtifactReport {
  const { content, context, prompt, run, sources, ...same } = artifact
  return {
    ...same,
    artifact: run,
    sources: sources.map(({ digest, ref }) => ({ ref, digest: hex(digest) })),
    hashes: { prompt: hex(prompt), context: hex(context), content: hex(content) },
  }
}

/** A delivery as those who look at it see it: where it goes, without what may be a secret. */
export function reportDelivery({ failure, nextAt, state, to, tries }: Delivery): DeliveryReport {
  return {
    ...{ to: sinkText(to), state, attempts: tries },
    ...(nextAt === undefined ? {} : { nextAt }),
    ...(failure === undefined ? {} : { failure }),
  }
}

/** `report` with what is kept of its result, and where that is to go. */
export async function withResult(
  { artifacts, deliveries }: Pick<Results, 'artifacts' | 'deliveries'>,
  report: RunReport,
): Promise<RunReport> {
  const { run } = report
  const rows = await deliveries.ofRun(run)
  const kept = (await artifacts.get(run)) !== undefined
  return {
    ...report,
    ...(kept ? { artifact: run } : {}),
    ...(rows.length === 0 ? {} : { deliveries: rows.map(reportDelivery) }),
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
