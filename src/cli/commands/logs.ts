import { Command } from 'commander'
import { singleLine } from '../../protocol/text.ts'
import type { CliContext } from '../context.ts'
import { collectList, positiveInteger, since } from '../options.ts'
import type { ShownLine } from '../records-module.ts'
import { note, paint, print, printJson } from '../terminal.ts'
import { timeText } from '../time-text.ts'

interface LogsOptions {
  follow?: true
  lines?: number
  source?: string[]
  since?: number
  allProfiles?: true
  json?: true
}

const DEFAULT_LINES = 50

/** Most lines where a time is given and no number. */
const MAX_LINES = 100_000

/** Longest line that is shown, in code points. */
const MAX_LINE_CHARS = 2_048

const MAX_LEVEL_CHARS = 16

const LEVEL_STYLE: Readonly<Record<string, 'red' | 'yellow'>> = {
  fatal: 'red',
  error: 'red',
  warn: 'yellow',
}

/** Shown before all other fields, or by its column. */
const HEAD = ['time', 'at', 'level', 'msg']

/** `kith logs`: the logs of this node by time, running or not. */
export function logsCommand(cli: CliContext): Command {
  return new Command('logs')
    .description('show the logs of this node, merged by time')
    .option('-f, --follow', 'go on with what is written')
    .option('-n, --lines <n>', `the last so many (${DEFAULT_LINES})`, positiveInteger)
    .option('--source <names>', 'service, agent, approval, runs, compaction, audit', collectList)
    .option('--since <when>', 'lines from then on: 24h, 7d, a date or a time', since)
    .option('--all-profiles', 'of every profile of this home')
    .option('--json', 'print one JSON object a line')
    .action(async (options: LogsOptions) => {
      await logs(cli, options)
    })
}

export async function logs(cli: CliContext, options: LogsOptions): Promise<void> {
  const { allProfiles, follow, json, lines, since: from, source = [] } = options
  const { logPlaces, readLogs } = await cli.records()
  const { env, home } = cli
  const places = await logPlaces({ env, home, sources: source, allProfiles: allProfiles === true })
  const count = lines ?? (from === undefined ? DEFAULT_LINES : MAX_LINES)
  const interrupts = follow === true ? cli.interrupts() : undefined
  const wanted = { count, ...(from === undefined ? {} : { since: from }) }
  let empty = true
  for await (const group of readLogs(places, wanted, interrupts?.first)) {
    for (const line of group) {
      empty = false
      if (json === true) printJson(cli, line)
      else print(cli, shown(cli, line))
    }
  }
  if (empty) note(cli, 'no line fits')
  // Nobody waits for more: to be interrupted is how it ends.
  interrupts?.release()
}

function shown(cli: CliContext, line: ShownLine): string {
  const { at, fields, profile, source, text } = line
  const where = profile === undefined ? source : `${profile} ${source}`
  const begin = `${timeText(at)}  ${where.padEnd(10)}`
  if (fields === undefined) return `${begin}  ${singleLine(text, MAX_LINE_CHARS)}`
  const level =
    typeof fields['level'] === 'string' ? singleLine(fields['level'], MAX_LEVEL_CHARS) : ''
  const style = LEVEL_STYLE[level]
  const word = level === '' ? '' : `${level.padEnd(5)}  `
  const said = typeof fields['msg'] === 'string' ? `${fields['msg']}  ` : ''
  const rest = Object.entries(fields)
    .filter(([name]) => !HEAD.includes(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  const safe = singleLine(`${said}${rest.join(' ')}`, MAX_LINE_CHARS)
  return `${begin}  ${style === undefined ? word : paint(cli, style, word)}${safe}`
}
