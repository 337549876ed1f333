import { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { note, paint, print, printJson } from '../terminal.ts'
import { durationText } from '../time-text.ts'

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
  const interrupts = cli.interrupts()
  const begun = performance.now()
  const stage = await openStage(cli, interrupts.first)
  if (json !== true) print(cli, `Three throwaway nodes on this machine, in ${stage.folder}\n`)
  try {
    for (const { name, run } of DEMO_STEPS) {
      const stepBegun = performance.now()
      const { ok, says } = await run(stage.cast).then(
        (says) => ({ ok: true, says }),
        (err: unknown) => ({ ok: false, says: err instanceof Error ? err.message : String(err) }),
      )
      if (interrupts.first.aborted) break
      const tookMs = Math.round(performance.now() - stepBegun)
      if (json === true) printJson(cli, { step: name, ok, says, tookMs })
      else print(cli, `${ok ? paint(cli, 'green', '✓') : paint(cli, 'red', '✗')} ${says}`)
      if (ok) continue
      cli.exitCode = EXIT.failed
      break
    }
  } finally {
    await stage.clear()
    interrupts.release()
  }
  if (interrupts.first.aborted) cli.exitCode = EXIT.interrupted
  const took = durationText(performance.now() - begun)
  const left = 'their processes have ended and their files are gone'
  if (cli.exitCode === EXIT.ok) note(cli, `all of it held, in ${took}; ${left}`)
  else note(cli, `ended after ${took}; ${left}`)
}
