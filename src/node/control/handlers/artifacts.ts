import { OWNER_NAME } from '../../../agent/ports.ts'
import { KithError } from '../../../protocol/errors.ts'
import { isOf } from '../../scheduler/artifact.ts'
import type { JobHost } from '../../scheduler/job-host.ts'
import { reportArtifact, reportDelivery } from '../result-report.ts'
import type { ARTIFACT_ROUTES } from '../routes/artifacts.ts'
import type { HandlersOf } from '../routes/route.ts'

export interface ArtifactNode {
  readonly jobs: Pick<JobHost, 'find' | 'results'>
}

export function artifactHandlers({ jobs }: ArtifactNode): HandlersOf<typeof ARTIFACT_ROUTES> {
  const { results } = jobs
  return {
    artifacts: async ({ limit, ...query }) => {
      const { artifacts, cursor } = await results.artifacts.list(query, limit)
      const reports = artifacts.map(reportArtifact)
      return { artifacts: reports, ...(cursor === undefined ? {} : { cursor }) }
    },
    showArtifact: async ({ artifact: run }) => {
      const artifact = await results.artifacts.find(run)
      const made = await results.artifacts.made(run)
      if (made === undefined) {
        const what = `artifacts-made/${run}`
        throw new KithError('corrupt', `the record ${what} is gone`, { what })
      }
      const deliveries = await results.deliveries.ofRun(run)
      return {
        ...reportArtifact(artifact),
        ...made,
        intact: isOf(artifact, made),
        deliveries: deliveries.map(reportDelivery),
      }
    },
    reviewArtifact: async ({ artifact, ...review }) =>
      reportArtifact(await results.review(artifact, review, OWNER_NAME)),
    deliverAgain: async ({ run }) => {
      const again = await results.redeliver(run)
      // Of a run that there is not, there is nothing to deliver either: its owner is to hear which it is.
      if (again.length === 0) await jobs.find(run)
      return again.map(reportDelivery)
    },
  }
}
