import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { removeDeadSockets } from '../../src/node/dead-socket.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

describe('dead sockets', () => {
  const folder = tempFolder()
  const path = (): string => join(folder(), 'node.sock')
  const address = (): string => `/unix/${encodeURIComponent(path())}`

  it('go when nobody listens on them', async () => {
    const listen = 'require("net").createServer().listen(process.argv[1], () => console.log())'
    const child = spawn(process.execPath, ['-e', listen, path()], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'close')
    assert.deepEqual(await readdir(folder()), ['node.sock'])
    await removeDeadSockets(['/ip4/127.0.0.1/tcp/0', address()])
    assert.deepEqual(await readdir(folder()), [])
  })

  it('are not those on which somebody listens', async () => {
    const server = createServer().listen(path())
    await once(server, 'listening')
    await removeDeadSockets([address()])
    assert.deepEqual(await readdir(folder()), ['node.sock'])
    server.close()
    await once(server, 'close')
  })

  it('are no files', async () => {
    await writeFile(path(), '')
    await removeDeadSockets([address()])
    assert.deepEqual(await readdir(folder()), ['node.sock'])
  })

  it('may be gone already', async () => {
    await removeDeadSockets([address()])
  })
})
