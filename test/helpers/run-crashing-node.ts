/**
 * Run as a process of its own: the node of KITH_HOME, which kills itself at the point of its first argument, such as
 * `after:invites:3`: after the third write of that kind is on disk. `edit` is a change of peers.yaml.
 */
import { readConfig } from '../../src/node/config.ts'
import { createHandlers } from '../../src/node/control/handlers.ts'
import { ControlServer } from '../../src/node/control/server.ts'
import { homeOf } from '../../src/node/home.ts'
import { openIdentity } from '../../src/node/identity.ts'
import { createLog } from '../../src/node/log.ts'
import { KithNode } from '../../src/node/node.ts'
import { surroundingsOf } from '../../src/node/surroundings.ts'

const [, , point = ''] = process.argv
const passed = new Map<string, number>()

/** Does what is of these kinds, and dies right before or after it if that is the point. */
async function passing<T>(kinds: ReadonlySet<string>, run: () => Promise<T>): Promise<T> {
  for (const kind of kinds) passed.set(kind, (passed.get(kind) ?? 0) + 1)
  dieAt('before', kinds)
  const result = await run()
  dieAt('after', kinds)
  return result
}

function dieAt(when: string, kinds: ReadonlySet<string>): void {
  const points = [...kinds].map((kind) => `${when}:${kind}:${passed.get(kind) ?? 0}`)
  if (points.includes(point)) process.kill(process.pid, 'SIGKILL')
}

const home = homeOf(process.env, undefined)
const config = await readConfig(home.config, process.env)
const identity = await openIdentity(home.path, undefined)
const log = createLog(config.log.level, process.stdout)
const surroundings = await surroundingsOf(home, config)
const { database, peers } = surroundings
const write = database.write.bind(database)
database.write = (operations, options) => {
  const kinds = operations.map(({ sublevel }) => sublevel.path(true)[0] ?? '')
  return passing(new Set(kinds), () => write(operations, options))
}
const around = {
  ...surroundings,
  peers: {
    ...peers,
    edit: (edit: Parameters<typeof peers.edit>[0]) =>
      passing(new Set(['edit']), () => peers.edit(edit)),
  },
}
const node = await KithNode.openIn(around, { config, home, identity, log })
const handlers = createHandlers(node, { readyAfterMs: () => 0, stop: () => undefined })
const control = new ControlServer({ handlers, log }, { socket: home.socket })
await control.start()
await node.start()
log.info('ready')
