import type { Cast } from '../demo/demo-steps.ts'
import { check, parse, succeed } from '../demo/expect.ts'

const JOB = 'smoke'

export async function addJob({ alice }: Cast): Promise<string> {
  const target = ['--ask', 'self', '--manual', '--enable']
  await succeed(alice, 'jobs', 'add', JOB, ...target, 'echo smoke')
  const jobs = parse(await succeed(alice, 'jobs', 'list', '--json')) as { name: string }[]
  check(
    jobs.some(({ name }) => name === JOB),
    'the job that was added is not there',
  )
  return 'alice has a job'
}

export async function runJob({ alice }: Cast): Promise<string> {
  const run = parse(await succeed(alice, 'jobs', 'run', JOB, '--wait', '--json')) as {
    run: string
    state: string
  }
  check(run.state === 'succeeded', `the run of the job is ${run.state}`)
  const shown = await succeed(alice, 'artifacts', 'show', run.run)
  check(shown.stdout.includes('smoke'), 'the result of the job is not kept')
  return 'the job ran, and its result is kept'
}

export async function pauseJob({ alice }: Cast): Promise<string> {
  await succeed(alice, 'jobs', 'pause', JOB, '--why', 'smoke')
  const { paused } = parse(await succeed(alice, 'jobs', 'show', JOB, '--json')) as {
    paused?: { why: string }
  }
  check(paused?.why === 'smoke', 'the pause is not kept')
  return 'the job is paused, and says why'
}
