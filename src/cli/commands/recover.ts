import { Command } from 'commander'
import { isFailure } from '../../protocol/errors.ts'
import type { CliContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { reportFailure } from '../failure.ts'
import { RECOVER_STEPS } from '../recover/recover-steps.ts'
import type { Recovered } from '../recover/recover-steps.ts'
import type { StepFinding } from '../recover/recover-mesh.ts'
import { print, printJson } from '../terminal.ts'
import { printFindings, STATE_EXIT, summary } from './doctor.ts'
import type { ShownFinding } from './doctor.ts'

interface RecoverOptions {
  check?: true
  json?: true
}

/** `kith recover`: the checklist for a machine that was lost. Exits as `kith doctor` does. */
export function recoverCommand(cli: CliContext): Command {
  return new Command('recover')
    .description('what has to be so again after a machine was lost, step by step')
    .option('--check', 'go through it, and say what is missing and what to type next')
    .option('--json', 'print one JSON object')
    .action(async (options: RecoverOptions) => {
      if (options.check === true) await check(cli, options)
      else list(cli, options)
    })
}

function list(cli: CliContext, { json }: RecoverOptions): void {
  const steps = RECOVER_STEPS.map(({ name, what }) => ({ name, what }))
  if (json === true) printJson(cli, { steps })
  else for (const [index, { what }] of steps.entries()) print(cli, `${index + 1}. ${what}`)
}

async function check(cli: CliContext, { json }: RecoverOptions): Promise<void> {
  const known = await look(cli)
  const findings: ShownFinding[] = []
  for (const { live, name, run } of RECOVER_STEPS) {
    const found =
      live === true && !known.running
        ? ({ state: 'unchecked', what: 'wants a node that runs', hint: 'kith start' } as const)
        : await Promise.resolve(known)
            .then(run)
            .catch((err: unknown) => failureFinding(err))
    findings.push({ check: name, ...found })
  }
  const worst = (['fail', 'warn'] as const).find((state) =>
    findings.some((finding) => finding.state === state),
  )
  cli.exitCode = known.running ? STATE_EXIT[worst ?? 'ok'] : EXIT.notRunning
  const missing = findings.filter(({ state }) => state !== 'ok')
  if (json === true) {
    printJson(cli, { state: worst ?? 'ok', running: known.running, steps: findings })
    return
  }
  printFindings(cli, findings)
  print(cli, `\n${missing.length === 0 ? 'this node is recovered' : summary(findings)}`)
}

/** What the checks say: of the node that runs or, without one, of its files. */
async function look(cli: CliContext): Promise<Recovered> {
  try {
    return { cli, report: await cli.client.call('doctor', {}), running: true }
  } catch (err) {
    if (!isFailure(err, 'daemon-not-running')) throw err
  }
  const { env, home } = cli
  const { checkOffline } = await cli.doctor()
  try {
    const report = await checkOffline({ home, env, now: Date.now(), running: false })
    return { cli, report, running: false }
  } catch (err) {
    // That there is no node at all is a step of its own.
    if (!isFailure(err, 'no-identity')) throw err
    const report = { state: 'fail' as const, counts: { ok: 0, warn: 0, fail: 0 }, findings: [] }
    return { cli, report, running: false }
  }
}

/** What a step has thrown, as its finding. */
function failureFinding(err: unknown): StepFinding {
  const { hint, message } = reportFailure(err).error
  return { state: 'fail', what: message, ...(hint === undefined ? {} : { hint }) }
}
