import type {
  Input,
  KeyReport,
  OfflineKeyRoute,
  Output,
  RotationReport,
  RotationRequestReport,
} from '../../../../src/node/control/api.ts'
import type { KeyFiles } from '../../../../src/cli/context.ts'
import type { FakeCli } from '../../fake-cli.ts'
import { ID, KEY } from '../../reports.ts'

/** Reports as a node makes them of its keys, for commands to show. */

export const AT = 1_790_000_000_000
export const NEXT_KEY = '12D3KooWJjQUhYQDfBpENf5GbweGse22HozZoJtmuw9TMgF2WrFe'
export const WORDS = Array.from({ length: 24 }, (_, at) => `word${String.fromCharCode(97 + at)}`)

export const keyReport: KeyReport = {
  id: ID,
  words: ['bread', 'lunar', 'sketch', 'search'],
  key: KEY,
  sn: 1,
  windowHours: 72,
  rotationKey: 'here',
  log: [
    { sn: 0, type: 'icp', key: NEXT_KEY, hash: 'aa', at: AT },
    { sn: 1, type: 'rot', key: KEY, hash: 'bb', at: AT, why: 'routine', graceSeconds: 86_400 },
  ],
  peers: [
    { peer: 'bob', state: 'acknowledged', connected: true, sn: 1, seenAt: AT },
    { peer: 'carol', state: 'unseen', connected: false, sn: 0, seenAt: AT },
    { peer: 'dave', state: 'frozen', connected: true, sn: 1, seenAt: AT },
  ],
  requests: [],
}

export const rotation: RotationReport = {
  words: ['crane', 'sick', 'gate', 'asthma'],
  sn: 2,
  key: NEXT_KEY,
  why: 'routine',
  graceSeconds: 86_400,
  at: AT,
}

export const wanted: RotationRequestReport = {
  ...rotation,
  peer: 'server',
  id: ID,
  request: 'kith://r/1/AAAA',
}

/** What the files of a home give, where no node runs. */
export type FileAnswers = {
  [N in OfflineKeyRoute]?: (input: Input<N>) => Output<N> | Promise<Output<N>>
}

/** Gives `cli` a home whose node does not run. */
export function offlineKeys(
  cli: FakeCli,
  answers: FileAnswers,
): { calls: [string, unknown][]; closed: () => number } {
  const calls: [string, unknown][] = []
  let closed = 0
  const files: KeyFiles = {
    call: async (name, input) => {
      calls.push([name, input])
      const answer = answers[name]
      if (answer === undefined) throw new TypeError(`${name} is not expected`)
      return await answer(input)
    },
    close: async () => {
      closed++
    },
  }
  cli.offlineNode = { openKeys: async () => files }
  return { calls, closed: () => closed }
}

/** Answers one question after the other at a terminal. */
export function types(cli: FakeCli, ...lines: string[]): void {
  cli.stdin.isTTY = true
  cli.stderr.isTTY = true
  const write = cli.stderr.write.bind(cli.stderr)
  cli.stderr.write = (chunk: string) => {
    if (/(: |\[y\/N\] )$/.test(chunk))
      setImmediate(() => cli.stdin.write(`${lines.shift() ?? ''}\r`))
    return write(chunk)
  }
}
