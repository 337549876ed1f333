import type { CliContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { note, paint, print, printJson } from '../terminal.ts'
import { durationText } from '../time-text.ts'
import type { DemoStep } from './demo-steps.ts'
import type { Stage } from './stage.ts'

/** Runs steps on a stage until one does not hold, shows each, and clears the stage. */
export async function runSteps(cli: CliContext, { json, open, steps }: RunInit): Promise<void> {
  const interrupts = cli.interrupts()
  const begun = performance.now()
  const stage = await open(interrupts.first)
  if (json !== true) print(cli, `Three throwaway nodes on this machine, in ${stage.folder}\n`)
  try {
    for (const { name, run } of steps) {
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

export interface RunInit {
  json?: true | undefined
  open: (signal: AbortSignal) => Promise<Stage>
  steps: readonly DemoStep[]
}
