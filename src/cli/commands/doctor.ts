import { Command } from 'commander'
import type { DoctorReport } from '../../node/control/api.ts'
import { KithError, isFailure } from '../../protocol/errors.ts'
import { singleLine } from '../../protocol/text.ts'
import { daemonBeside } from '../beside-daemon.ts'
import type { CliContext } from '../context.ts'
import { sameHome } from '../context.ts'
import type { Fix } from '../doctor-module.ts'
import { EXIT } from '../exit-codes.ts'
import { note, paint, print, printJson } from '../terminal.ts'

/** What was found of one thing. `unchecked`: it could not be told. */
export interface ShownFinding {
  check: string
  state: DoctorReport['state'] | 'unchecked'
  what: string
  hint?: string
}

const STATE_STYLE = { ok: 'green', unchecked: 'yellow', warn: 'yellow', fail: 'red' } as const
/** What a command ends with that has found this at the worst. */
export const STATE_EXIT = { ok: EXIT.ok, warn: EXIT.needsPerson, fail: EXIT.failed } as const

/** Longest line of a finding, in code points. */
const MAX_LINE_CHARS = 1_024

interface DoctorOptions {
  json?: true
  offline?: true
  fixSafe?: true
  dryRun?: true
}

/** What was found, by a running node or in the files of one. */
interface Looked extends DoctorReport {
  running: boolean
  /** Checks that want a running node. */
  unchecked: string[]
}

/** `kith doctor`: every check. Exits 1 when one fails, 7 when one only warns, 6 when no node runs. */
export function doctorCommand(cli: CliContext): Command {
  return new Command('doctor')
    .description('check this node: what is well, and what is not with its remedy')
    .option('--offline', 'look at the files only, whether a node runs or not; change nothing')
    .option('--fix-safe', 'put right what can be undone or is worth nothing, and look again')
    .option('--dry-run', 'with --fix-safe: show what would be done, and do nothing')
    .option('--json', 'print one JSON object')
    .action(async (options: DoctorOptions) => {
      await doctor(cli, options)
    })
}

export async function doctor(cli: CliContext, options: DoctorOptions): Promise<void> {
  const { dryRun, fixSafe, json, offline } = options
  if (dryRun === true && fixSafe !== true) {
    throw new KithError('usage', '--dry-run goes with --fix-safe', { what: '--dry-run' })
  }
  let looked = await look(cli, options)
  const plan = fixSafe === true ? await planned(cli) : undefined
  let fixed: Fix[] = []
  if (plan !== undefined && plan.length > 0 && dryRun !== true) {
    const { applyFixes } = await cli.doctor()
    fixed = await applyFixes(cli.home, Date.now(), plan)
    looked = await look(cli, options)
  }
  cli.exitCode = !looked.running && offline !== true ? EXIT.notRunning : STATE_EXIT[looked.state]
  if (json === true) {
    printJson(cli, plan === undefined ? looked : { ...looked, plan, fixed })
    return
  }
  if (plan !== undefined) tellPlan(cli, plan, fixed)
  tell(cli, looked)
  if (!looked.running && offline !== true) await noteFiles(cli)
}

/** By the node that runs; by the files where none does, or nothing else is wanted. */
async function look(cli: CliContext, { offline }: DoctorOptions): Promise<Looked> {
  if (offline !== true) {
    try {
      return { ...(await cli.client.call('doctor', {})), running: true, unchecked: [] }
    } catch (err) {
      if (!isFailure(err, 'daemon-not-running')) throw err
    }
  }
  const running = offline === true && (await isRunning(cli))
  const { checkOffline } = await cli.doctor()
  const { env, home } = cli
  const daemon = running ? undefined : await daemonBeside(cli, home.path)
  const beside = daemon === undefined ? {} : { daemon }
  return { ...(await checkOffline({ home, env, now: Date.now(), running, ...beside })), running }
}

async function isRunning({ client }: CliContext): Promise<boolean> {
  try {
    await client.call('status', {})
    return true
  } catch (err) {
    return !isFailure(err, 'daemon-not-running')
  }
}

async function planned(cli: CliContext): Promise<Fix[]> {
  const { planFixes } = await cli.doctor()
  return await planFixes(cli.home, Date.now())
}

function tellPlan(cli: CliContext, plan: readonly Fix[], fixed: readonly Fix[]): void {
  if (plan.length === 0) {
    print(cli, 'nothing to fix by itself\n')
    return
  }
  const done = new Set(fixed.map(({ what }) => what))
  for (const { undo, what } of plan) {
    const mark = done.has(what) ? paint(cli, 'green', 'fixed') : paint(cli, 'yellow', 'would')
    print(cli, `${mark}  ${line(what)}`)
    if (undo !== undefined) print(cli, `       undo: ${line(undo)}`)
  }
  print(cli, '')
}

function tell(cli: CliContext, { findings, running, unchecked }: Looked): void {
  const shown: ShownFinding[] = [...findings]
  if (unchecked.length > 0) {
    const what = `wants a running node: ${unchecked.join(', ')}`
    shown.push({
      check: 'the rest',
      state: 'unchecked',
      what,
      hint: running ? 'kith doctor' : 'kith start, then kith doctor',
    })
  }
  printFindings(cli, shown)
  print(cli, `\n${summary(findings)}`)
}

async function noteFiles(cli: CliContext): Promise<void> {
  const { path } = cli.home
  const pid = await daemonBeside(cli, path)
  if (pid === undefined) {
    note(cli, `no node runs in ${path}: this is what its files say`)
    return
  }
  note(cli, `no node answers in ${path}, and the daemon, process ${pid}, runs`)
  note(cli, 'this is what its files say; what the daemon says: kith daemon status')
}

/** A line for each finding, with its remedy below. */
export function printFindings(cli: CliContext, findings: readonly ShownFinding[]): void {
  const width = Math.max(...findings.map(({ check }) => check.length))
  const stateWidth = Math.max(...findings.map(({ state }) => state.length), 'warn'.length)
  for (const { check, hint, state, what } of findings) {
    const label = paint(cli, STATE_STYLE[state], state.padEnd(stateWidth))
    print(cli, `${label}  ${line(check).padEnd(width)}  ${line(what)}`)
    if (hint !== undefined) {
      print(cli, `${' '.repeat(stateWidth)}  try: ${line(sameHome(cli, hint))}`)
    }
  }
}

/** `all is well`, or `1 failure, 2 warnings`. */
export function summary(findings: readonly ShownFinding[]): string {
  const counts = [
    ['fail', 'failure', 's'],
    ['warn', 'warning', 's'],
    ['unchecked', 'not checked', ''],
  ] as const
  const parts = counts.flatMap(([state, word, plural]) => {
    const count = findings.filter((finding) => finding.state === state).length
    return count === 0 ? [] : [`${count} ${word}${count === 1 ? '' : plural}`]
  })
  return parts.length === 0 ? 'all is well' : parts.join(', ')
}

function line(text: string): string {
  return singleLine(text, MAX_LINE_CHARS)
}
