import { Argument, Command } from 'commander'
import type { CliContext } from '../context.ts'

/** Names of the suites, which are loaded when they run. A test holds them to the suites. */
export const SMOKES = ['all', 'identity', 'mesh', 'ask', 'jobs', 'backup', 'doctor'] as const

/** `kith smoke`: throwaway nodes show that this installation works. Needs no network, no key, and touches no home. */
export function smokeCommand(cli: CliContext): Command {
  return new Command('smoke')
    .description('show that this installation works, on throwaway nodes of this machine')
    .addArgument(new Argument('[what...]', 'parts of it').choices(SMOKES).default(['all']))
    .option('--json', 'print one JSON object a step')
    .action(async (what: string[], options: { json?: true }) => {
      await smoke(cli, what, options)
    })
}

export async function smoke(
  cli: CliContext,
  what: readonly string[],
  { json }: { json?: true },
): Promise<void> {
  const { openStage } = await import('../demo/stage.ts')
  const { runSteps } = await import('../demo/run-steps.ts')
  const { stepsOf, SUITES } = await import('../smoke/suites.ts')
  const names = what.includes('all') ? SUITES.map(({ name }) => name) : what
  const open = async (signal: AbortSignal) => await openStage(cli, signal)
  await runSteps(cli, { json, open, steps: stepsOf(names) })
}
