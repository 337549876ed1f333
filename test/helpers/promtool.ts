import { spawnSync } from 'node:child_process'

const PROGRAM = 'promtool'

/** Says what is missing, and skips what wants it: Debian has it in `prometheus`. */
export function needsPromtool(context: Mocha.Context): void {
  if (spawnSync(PROGRAM, ['--version']).status === 0) return
  process.stderr.write('    not installed, and not tested with: promtool\n')
  context.skip()
}

/** What Prometheus' own checker has to say of a page of metrics: nothing, when all is well. */
export function checkMetrics(text: string): string {
  const { stderr, stdout } = spawnSync(PROGRAM, ['check', 'metrics'], {
    input: text,
    encoding: 'utf8',
  })
  return `${stdout}${stderr}`
}
