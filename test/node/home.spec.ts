import assert from 'node:assert/strict'
import { mkdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { homeOf } from '../../src/node/home.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

/** So long is the path of a home whose own socket has the longest path that a system takes. */
const LONGEST_HOME = 107 - '/control.sock'.length

describe('home', () => {
  const folder = tempFolder()

  const table: [name: string, env: NodeJS.ProcessEnv, profile: string | undefined, path: string][] =
    [
      ['by default', {}, undefined, join(homedir(), '.kith')],
      ['as KITH_HOME says', { KITH_HOME: '/srv/kith' }, undefined, '/srv/kith'],
      ['of the default profile by its name', { KITH_HOME: '/srv/kith' }, 'default', '/srv/kith'],
      ['of a profile', { KITH_HOME: '/srv/kith' }, 'work', '/srv/kith/profiles/work'],
      ['as a relative path says', { KITH_HOME: 'here' }, undefined, join(process.cwd(), 'here')],
    ]
  for (const [name, env, profile, path] of table) {
    it(`is ${path}, ${name}`, () => {
      const home = homeOf(env, profile)
      assert.equal(home.path, path)
      const { config, memory, peers, socket, store, workspace } = home
      assert.deepEqual(
        [config, peers, store, workspace, memory, socket],
        [
          join(path, 'config.yaml'),
          join(path, 'peers.yaml'),
          join(path, 'store'),
          join(path, 'workspace'),
          join(path, 'MEMORY.md'),
          join(path, 'control.sock'),
        ],
      )
    })
  }

  it('holds its own socket as long as the path of that is not too long', () => {
    const path = `/${'x'.repeat(LONGEST_HOME - 1)}`
    assert.equal(homeOf({ KITH_HOME: path }, undefined).socket, join(path, 'control.sock'))
    const longer = homeOf({ KITH_HOME: `${path}x` }, undefined).socket
    assert.ok(longer.startsWith(`${tmpdir()}/kith-`))
    assert.ok(Buffer.byteLength(longer) <= 107)
  })

  it('counts bytes, not characters', () => {
    const path = `/${'ü'.repeat(LONGEST_HOME / 2)}`
    assert.notEqual(dirname(homeOf({ KITH_HOME: path }, undefined).socket), path)
  })

  it('has one socket of its own, always the same, however long its path is', () => {
    const socketOf = (path: string): string => homeOf({ KITH_HOME: path }, undefined).socket
    const [a, b] = [`/${'a'.repeat(200)}`, `/${'b'.repeat(200)}`]
    assert.equal(socketOf(a), socketOf(a))
    assert.notEqual(socketOf(a), socketOf(b))
    assert.ok(isAbsolute(socketOf(a)))
  })

  it('has a socket on which a process can listen, at the longest path', async () => {
    const path = join(folder(), 'x'.repeat(LONGEST_HOME - folder().length - 1))
    const { socket } = homeOf({ KITH_HOME: path }, undefined)
    assert.equal(Buffer.byteLength(socket), 107)
    await mkdir(path)
    const server = createServer()
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(socket, resolve)
    })
    await new Promise((resolve) => server.close(resolve))
    await rm(path, { recursive: true })
  })
})
