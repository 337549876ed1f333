/** Run as a process of its own: `run-mesh.ts NAME PEER` is the node NAME, has pinned PEER, and prints where it listens. */
import { TestMesh } from './mesh.ts'

const [name = '', peer = ''] = process.argv.slice(2)
const node = new TestMesh(name, { peers: [peer] })
await node.start()
process.stdout.write(`${node.address}\n`)
