import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { chmod, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isFailure, type FailureCode } from '../../src/protocol/errors.ts'
import { nodeIdOf } from '../../src/protocol/node-id.ts'
import type { PeerEdit } from '../../src/store/peers-edit.ts'
import { editPeers, readPeers } from '../../src/store/peers-file.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

const idA = nodeIdOf(Uint8Array.of(1))
const idB = nodeIdOf(Uint8Array.of(2))
const idC = nodeIdOf(Uint8Array.of(3))
const key = '12D3KooWSVtZZnXU6AESCjv8dUYd1aK2T9Lcbr44a4hnRp8haStZ'

/** Too long for one line of eighty columns, and still on one. */
const far = ['a', 'b', 'c'].map((host) => `/dns4/${host}.phones.example.org/tcp/7423`)

const file = `# who may call
version: 1

peers:
  # the one in the cellar
  - name: nas # a
    id: ${idA}
    addresses: [/ip4/10.0.0.1/tcp/7423] # at home
    allow: [ping]

  # mine
  - name: phone
    key: ${key} # typed by hand
    ask:
      # a little
      per_minute: 3
# the end
`

function fails(code: FailureCode, text?: RegExp) {
  return (err: unknown): boolean => isFailure(err, code) && (text?.test(err.message) ?? true)
}

describe('peers file', () => {
  const folder = tempFolder()
  const path = (): string => join(folder(), 'peers.yaml')

  async function write(text: string): Promise<void> {
    await writeFile(path(), text, { mode: 0o600 })
  }

  /** What `edit` makes of `file`, line by line: `-` for what went, `+` for what came. */
  async function changed(edit: PeerEdit): Promise<string[]> {
    await write(file)
    await editPeers(path(), edit)
    const [before, after] = [file.split('\n'), (await readFile(path(), 'utf8')).split('\n')]
    return [
      ...before.filter((line) => !after.includes(line)).map((line) => `-${line}`),
      ...after.filter((line) => !before.includes(line)).map((line) => `+${line}`),
    ]
  }

  describe('reading', () => {
    it('finds nobody in a file that is not there', async () => {
      assert.deepEqual(await readPeers(path()), [])
    })

    it('finds the peers in their order', async () => {
      await write(file)
      const pins = await readPeers(path())
      assert.deepEqual(
        pins.map(({ name }) => name),
        ['nas', 'phone'],
      )
      assert.equal(pins[1]?.ask.perMinute, 3)
    })

    it('says where the fault is', async () => {
      await write(file.replace('per_minute', 'per_minutes'))
      await assert.rejects(readPeers(path()), (err) => {
        assert.ok(isFailure(err, 'invalid-file'))
        assert.deepEqual(err.details, { path: path(), line: 16, column: 7 })
        const what = 'peers[1].ask: unknown key per_minutes (did you mean per_minute?)'
        assert.equal(err.message, `${path()}:16:7: ${what}`)
        return true
      })
    })

    it('refuses a file that others can write, and takes one that they can read', async () => {
      await write(file)
      await chmod(path(), 0o644)
      assert.equal((await readPeers(path())).length, 2)
      await chmod(path(), 0o664)
      await assert.rejects(readPeers(path()), fails('unsafe-file'))
    })

    it('refuses a link', async () => {
      await writeFile(join(folder(), 'other'), file, { mode: 0o600 })
      await symlink(join(folder(), 'other'), path())
      await assert.rejects(readPeers(path()), fails('unsafe-file'))
    })

    it('refuses what is not UTF-8', async () => {
      await writeFile(path(), Buffer.from([0x61, 0x3a, 0x20, 0xff]), { mode: 0o600 })
      await assert.rejects(readPeers(path()), fails('invalid-file', /not UTF-8/))
    })

    it('refuses an empty file: half a write is not nobody', async () => {
      await write('')
      await assert.rejects(readPeers(path()), fails('invalid-file'))
    })
  })

  describe('editing', () => {
    const edits: { edit: PeerEdit; lines: string[] }[] = [
      {
        edit: { op: 'add', peer: { name: 'c', id: idC, addresses: [], allow: ['ping', 'ask'] } },
        lines: ['+  - name: c', `+    id: ${idC}`, '+    addresses: []', '+    allow: [ping, ask]'],
      },
      {
        edit: { op: 'remove', name: 'phone' },
        lines: [
          '-  # mine',
          '-  - name: phone',
          `-    key: ${key} # typed by hand`,
          '-    ask:',
          '-      # a little',
          '-      per_minute: 3',
        ],
      },
      {
        edit: { op: 'remove', name: 'nas' },
        lines: [
          '-  # the one in the cellar',
          '-  - name: nas # a',
          `-    id: ${idA}`,
          '-    addresses: [/ip4/10.0.0.1/tcp/7423] # at home',
          '-    allow: [ping]',
        ],
      },
      {
        edit: { op: 'allow', name: 'nas', grants: ['ping', 'ask', 'ask'] },
        lines: ['-    allow: [ping]', '+    allow: [ping, ask]'],
      },
      {
        edit: { op: 'allow', name: 'phone', grants: ['status'] },
        lines: ['+    allow: [status]'],
      },
      {
        edit: { op: 'deny', name: 'nas', grants: ['ping'] },
        lines: ['-    allow: [ping]', '+    allow: []'],
      },
      { edit: { op: 'deny', name: 'phone', grants: ['ping'] }, lines: [] },
      {
        edit: { op: 'set-addresses', name: 'nas', addresses: ['/dns4/nas.lan/tcp/1'] },
        lines: [
          '-    addresses: [/ip4/10.0.0.1/tcp/7423] # at home',
          '+    addresses: [/dns4/nas.lan/tcp/1] # at home',
        ],
      },
      {
        edit: { op: 'set-addresses', name: 'phone', addresses: far },
        lines: [`+    addresses: [${far.join(', ')}]`],
      },
      {
        edit: { op: 'rename', name: 'nas', to: 'cellar' },
        lines: ['-  - name: nas # a', '+  - name: cellar # a'],
      },
      { edit: { op: 'rename', name: 'nas', to: 'nas' }, lines: [] },
      {
        edit: { op: 'set-id', name: 'phone', id: idB },
        lines: [`-    key: ${key} # typed by hand`, `+    id: ${idB} # typed by hand`],
      },
      {
        edit: { op: 'confirm', name: 'phone', confirmed: 'words' },
        lines: ['+    confirmed: words'],
      },
      {
        edit: { op: 'set-id', name: 'nas', id: idB },
        lines: [`-    id: ${idA}`, `+    id: ${idB}`],
      },
    ]
    for (const { edit, lines } of edits) {
      it(`${JSON.stringify(edit)} changes these lines alone`, async () => {
        assert.deepEqual(await changed(edit), lines)
      })
    }

    it('keeps what is said above all peers when the first goes', async () => {
      const text = file.replace('  # the one', '  # both\n\n  # the one')
      await write(text)
      await editPeers(path(), { op: 'remove', name: 'nas' })
      assert.match(
        await readFile(path(), 'utf8'),
        /^peers:\n  # both\n  # mine\n  - name: phone\n/m,
      )
    })

    it('writes the lists of a new peer on one line each', async () => {
      const ask = { approve: ['write' as const] }
      await editPeers(path(), { op: 'add', peer: { name: 'c', id: idC, ask } })
      assert.match(await readFile(path(), 'utf8'), /^    ask:\n      approve: \[write\]\n$/m)
    })

    it('returns the pins that the file then has', async () => {
      await write(file)
      const pins = await editPeers(path(), { op: 'remove', name: 'nas' })
      assert.deepEqual(pins, await readPeers(path()))
      assert.equal(pins.length, 1)
    })

    it('makes a file of mode 0600 for the first peer', async () => {
      await editPeers(path(), { op: 'add', peer: { name: 'c', id: idC, allow: ['ping'] } })
      assert.equal((await stat(path())).mode & 0o777, 0o600)
      const text = `version: 1\npeers:\n  - name: c\n    id: ${idC}\n    allow: [ping]\n`
      assert.equal(await readFile(path(), 'utf8'), text)
    })

    it('leaves an empty list when the last peer goes, and fills it again', async () => {
      const peer = { name: 'c', id: idC }
      await editPeers(path(), { op: 'add', peer })
      assert.deepEqual(await editPeers(path(), { op: 'remove', name: 'c' }), [])
      assert.deepEqual(await readPeers(path()), [])
      assert.equal((await editPeers(path(), { op: 'add', peer })).length, 1)
    })

    const refused: { edit: PeerEdit; code: FailureCode; text: RegExp }[] = [
      { edit: { op: 'remove', name: 'x' }, code: 'unknown-peer', text: /named x/ },
      { edit: { op: 'allow', name: 'x', grants: [] }, code: 'unknown-peer', text: /named x/ },
      { edit: { op: 'add', peer: { name: 'nas', id: idC } }, code: 'exists', text: /named nas/ },
      { edit: { op: 'rename', name: 'nas', to: 'phone' }, code: 'exists', text: /named phone/ },
      { edit: { op: 'rename', name: 'nas', to: 'N' }, code: 'usage', text: /: peers\[0\]\.name: / },
      {
        edit: { op: 'add', peer: { name: 'c', id: idA } },
        code: 'usage',
        text: /taken: nas has it/,
      },
      { edit: { op: 'add', peer: { name: 'c' } }, code: 'usage', text: /needs either id or key/ },
      {
        edit: { op: 'set-addresses', name: 'nas', addresses: ['nas.lan'] },
        code: 'usage',
        text: /no multiaddr/,
      },
    ]
    for (const { edit, code, text } of refused) {
      it(`fails with ${code} and leaves the file alone: ${JSON.stringify(edit)}`, async () => {
        await write(file)
        await assert.rejects(editPeers(path(), edit), fails(code, text))
        assert.equal(await readFile(path(), 'utf8'), file)
        assert.deepEqual(await readdir(folder()), ['peers.yaml'])
      })
    }

    it('touches no file that is invalid, or that others can write', async () => {
      const broken = file.replace('version: 1', 'version: 2')
      const edit: PeerEdit = { op: 'remove', name: 'nas' }
      await write(broken)
      await assert.rejects(editPeers(path(), edit), fails('invalid-file'))
      await chmod(path(), 0o666)
      await assert.rejects(editPeers(path(), edit), fails('unsafe-file'))
      assert.equal(await readFile(path(), 'utf8'), broken)
    })

    it('loses none of many edits at once', async () => {
      const names = Array.from({ length: 20 }, (_, i) => `peer-${i}`)
      await Promise.all(
        names.map((name, i) =>
          editPeers(path(), { op: 'add', peer: { name, id: nodeIdOf(Uint8Array.of(i)) } }),
        ),
      )
      const found = (await readPeers(path())).map(({ name }) => name)
      assert.deepEqual(found.toSorted(), names.toSorted())
    })

    it('keeps every comment of the example', async () => {
      const example = readFileSync(new URL('../../peers.example.yaml', import.meta.url), 'utf8')
      await write(example)
      await editPeers(path(), { op: 'set-addresses', name: 'nas', addresses: [] })
      const after = await readFile(path(), 'utf8')
      const addresses = 'addresses: [/dns4/nas.lan/tcp/7423, /ip6/fd00::7/tcp/7423]'
      assert.equal(after, example.replace(addresses, 'addresses: []'))
    })
  })
})
