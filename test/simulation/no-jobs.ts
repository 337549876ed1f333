import type { JobsSource } from '../../src/node/scheduler/jobs-file.ts'

const nobodyEdits = (): Promise<never> =>
  Promise.reject(new TypeError('no jobs.yaml in a simulation'))

/** Nodes of a simulation do nothing by themselves. */
export const noJobs: JobsSource = {
  watch: async ({ onChange }) => {
    onChange([])
    return async () => undefined
  },
  edit: nobodyEdits,
  document: nobodyEdits,
}
