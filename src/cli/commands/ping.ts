import { Command } from 'commander'
import type { PingReport } from '../../node/control/api.ts'
import type { CliContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { reportFailure } from '../failure.ts'
import { positiveInteger, wholeNumber } from '../options.ts'
import { note, print, printJson, table } from '../terminal.ts'
import { durationText } from '../time-text.ts'

interface PingOptions {
  count: number
  interval: number
  timeout?: number
  json?: true
}

/** `kith ping NAME`: times round trips to a pinned peer. Exits 3 if none was answered, 4 if it refused. */
export function pingCommand(cli: CliContext): Command {
  return new Command('ping')
    .description('time round trips to a pinned peer')
    .argument('<name>', 'name of the peer')
    .option('-c, --count <n>', 'pings to send', positiveInteger, 3)
    .option('--interval <ms>', 'wait between two pings', wholeNumber, 1_000)
    .option('--timeout <ms>', 'longest wait for an answer', positiveInteger)
    .option('--json', 'print one JSON object a ping')
    .action(async (name: string, options: PingOptions) => {
      await ping(cli, name, options)
    })
}

export async function ping(cli: CliContext, name: string, options: PingOptions): Promise<void> {
  const { count, interval, timeout } = options
  const interrupts = cli.interrupts()
  const rtts: number[] = []
  let sent = 0
  let lost: unknown
  try {
    while (sent < count && !interrupts.first.aborted) {
      if (sent > 0) await cli.sleep(interval, interrupts.first)
      sent++
      const input = { name, ...(timeout === undefined ? {} : { timeoutMs: timeout }) }
      try {
        const report = await cli.client.call('ping', input, interrupts.first)
        rtts.push(report.rttMs)
        show(cli, sent, report, options)
      } catch (err) {
        lost = noAnswer(err)
        note(cli, `${sent}: ${reportFailure(err).error.message}`)
      }
    }
  } catch (err) {
    if (!interrupts.first.aborted) throw err
  } finally {
    interrupts.release()
  }
  if (interrupts.first.aborted) cli.exitCode = EXIT.interrupted
  if (rtts.length > 0) note(cli, summary(sent, rtts))
  else if (!interrupts.first.aborted) throw lost
}

/** The failure that is a lost ping. @throws what is none: it would be the same the next time */
function noAnswer(err: unknown): unknown {
  if (reportFailure(err).exitCode === EXIT.noAnswer) return err
  throw err
}

function show(cli: CliContext, seq: number, report: PingReport, { json }: PingOptions): void {
  if (json === true) {
    printJson(cli, { seq, ...report })
    return
  }
  const { clockOffsetMs, peer, rttMs, software, uptimeMs } = report
  const rest = `${software}, up ${durationText(uptimeMs)}, clock ${clockText(clockOffsetMs)}`
  print(cli, table([[`${peer} answered ${seq} in ${durationText(rttMs)} (${rest})`]]))
}

function clockText(offsetMs: number): string {
  if (Math.abs(offsetMs) < 1_000) return 'as ours'
  return `${durationText(Math.abs(offsetMs))} ${offsetMs > 0 ? 'ahead' : 'behind'}`
}

function summary(sent: number, rtts: readonly number[]): string {
  const average = rtts.reduce((sum, rtt) => sum + rtt, 0) / rtts.length
  const [least, mean, most] = [Math.min(...rtts), average, Math.max(...rtts)].map(durationText)
  return `${sent} sent, ${rtts.length} answered, round trip ${least} / ${mean} / ${most} (least, mean, most)`
}
