import { Command } from 'commander'
import type { CliContext } from '../context.ts'

/** `kith demo`: three throwaway nodes on this machine, and what they do and refuse. Exits 0 if all of it held. */
export function demoCommand(cli: CliContext): Command {
  return new Command('demo')
    .description('run three throwaway nodes on this machine and show what they do and refuse')
    .option('--json', 'print one JSON object a step')
    .action(async (options: { json?: true }) => {
      await demo(cli, options)
    })
}

export async function demo(cli: CliContext, { json }: { json?: true }): Promise<void> {
  const { openStage } = await import('../demo/stage.ts')
  const { DEMO_STEPS } = await import('../demo/demo-steps.ts')
  const { runSteps } = await import('../demo/run-steps.ts')
  await runSteps(cli, {
    json,
    open: async (signal) => await openStage(cli, signal),
    steps: DEMO_STEPS,
  })
}
