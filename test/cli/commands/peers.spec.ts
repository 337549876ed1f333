import assert from 'node:assert/strict'
import type { PeerReport } from '../../../src/node/control/api.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { FakeCli } from '../fake-cli.ts'
import { bob, ID, KEY, status } from '../reports.ts'

describe('kith peers', () => {
  let cli: FakeCli
  let edits: unknown[]

  beforeEach(() => {
    cli = new FakeCli()
    edits = []
  })

  /** A running node that has `peers` after an edit. */
  function running(peers: PeerReport[] = [bob]): void {
    cli.answers = {
      status: () => status,
      peers: () => peers,
      editPeers: (edit) => {
        edits.push(edit)
        return peers
      },
    }
  }

  /** The same without a running node. */
  function offline(peers: PeerReport[] = [bob]): void {
    cli.offlineNode = {
      describeNode: async () => ({
        id: ID,
        key: KEY,
        words: [],
        addresses: ['/ip4/10.0.0.1/tcp/1'],
      }),
      listPeers: async () => peers,
      editPeers: async (_home, edit) => {
        edits.push(edit)
        return peers
      },
    }
  }

  const commands: [args: string, edit: unknown, said: string][] = [
    [
      `add bob ${ID} /ip4/1.2.3.4/tcp/1 /ip4/1.2.3.4/tcp/2 --allow ping,ask --allow status`,
      {
        op: 'add',
        peer: {
          name: 'bob',
          id: ID,
          addresses: ['/ip4/1.2.3.4/tcp/1', '/ip4/1.2.3.4/tcp/2'],
          allow: ['ping', 'ask', 'status'],
        },
      },
      'bob is pinned (divert daughter doll steak) and may ping, ask\n',
    ],
    [
      `add bob ${KEY} --allow ping`,
      { op: 'add', peer: { name: 'bob', key: KEY, addresses: [], allow: ['ping'] } },
      'bob is pinned (divert daughter doll steak) and may ping, ask\n',
    ],
    [
      'allow bob ask status',
      { op: 'allow', name: 'bob', grants: ['ask', 'status'] },
      'bob may ping, ask\n',
    ],
    [
      'deny bob status,ask',
      { op: 'deny', name: 'bob', grants: ['status', 'ask'] },
      'bob may ping, ask\n',
    ],
    [
      'set-address bob /ip4/127.0.0.1/tcp/7423',
      { op: 'set-addresses', name: 'bob', addresses: ['/ip4/127.0.0.1/tcp/7423'] },
      'bob is dialled at /ip4/127.0.0.1/tcp/7423\n',
    ],
    ['rename robert bob', { op: 'rename', name: 'robert', to: 'bob' }, 'robert is now bob\n'],
    ['remove bob', { op: 'remove', name: 'bob' }, 'bob is no longer pinned\n'],
  ]
  for (const [args, edit, said] of commands) {
    for (const [how, given] of [
      ['through the running node', running],
      ['in the file', offline],
    ] as const) {
      it(`does "${args}" ${how}`, async () => {
        given()
        assert.equal(await cli.kith('peers', ...args.split(' ')), 0)
        assert.deepEqual(edits, [edit])
        assert.equal(cli.stdout.text, said)
      })
    }
  }

  it('says what the other side has to type, from the running node', async () => {
    running()
    await cli.kith('peers', 'add', 'bob', ID, '--allow', 'ping')
    assert.equal(
      cli.stderr.text,
      'kith: bob has to pin this node too:\n' +
        `  kith peers add alice ${ID} /ip4/127.0.0.1/tcp/7424 --allow ping,ask\n`,
    )
  })

  it('says what the other side has to type, from the files', async () => {
    offline()
    await cli.kith('peers', 'add', 'bob', ID, '--allow', 'ping')
    assert.match(
      cli.stderr.text,
      new RegExp(`kith peers add NAME ${ID} /ip4/10.0.0.1/tcp/1 --allow`),
    )
  })

  it('says how a peer gets rights when it was given none', async () => {
    running([{ ...bob, allow: [] }])
    await cli.kith('peers', 'add', 'bob', ID)
    assert.equal(cli.stdout.text, 'bob is pinned (divert daughter doll steak) and may do nothing\n')
    assert.match(cli.stderr.text, /kith peers allow bob ping ask/)
  })

  it('does not go round a node that refuses', async () => {
    offline()
    cli.answers = {
      editPeers: () => {
        throw new KithError('exists', 'a peer is named bob already', { what: 'peer bob' })
      },
    }
    assert.equal(await cli.kith('peers', 'add', 'bob', ID), 1)
    assert.deepEqual(edits, [])
  })

  for (const command of ['allow bob ask', 'deny bob ask', `add bob ${ID}`, 'show bob']) {
    it(`prints the peer with --json after ${command}`, async () => {
      running()
      await cli.kith('peers', ...command.split(' '), '--json')
      assert.deepEqual(cli.stdout.json, [bob])
      assert.equal(cli.stderr.text, '')
    })
  }

  it('lists all of them', async () => {
    running([bob, { ...bob, name: 'nas', state: 'disconnected', allow: [] }])
    assert.equal(await cli.kith('peers', 'list'), 0)
    assert.match(
      cli.stdout.text,
      /^NAME +STATE +MAY +SINCE +ID\nbob +connected .*\nnas +disconnected +- /,
    )
    await cli.kith('peers', 'list', '--json')
    assert.match(cli.stdout.text, /\n\[\{"name":"bob",.*\{"name":"nas",.*\]\n$/)
  })

  it('says that there are none', async () => {
    offline([])
    await cli.kith('peers', 'list')
    assert.equal(cli.stdout.text, 'no peers\n')
  })

  it('shows the rules by the names that peers.yaml has for them', async () => {
    running()
    await cli.kith('peers', 'show', 'bob')
    assert.match(cli.stdout.text, /^ask per_minute +30$/m)
    assert.match(cli.stdout.text, /^ask approve +-$/m)
    assert.match(cli.stdout.text, /^ask until +2027-01-1\d /m)
  })

  it('shows what a peer sent without its control sequences', async () => {
    running([{ ...bob, software: 'k\u001B[2Jith', lastError: 'a\rb' }])
    await cli.kith('peers', 'show', 'bob')
    assert.match(cli.stdout.text, /^software +kith$/m)
    assert.match(cli.stdout.text, /^last error +ab$/m)
  })

  it('knows no peer of another name', async () => {
    running()
    assert.equal(await cli.kith('peers', 'show', 'eve'), 1)
    assert.equal(cli.stderr.text, 'kith: no peer is named eve\ntry: kith peers list\n')
  })

  describe('explain', () => {
    const yes = { peer: 'bob', verb: 'ask', allowed: true, rule: 'allow', why: 'granted' }
    const no = { ...yes, allowed: false, rule: 'hours', why: 'it is 03:00' }

    it('says which rule allows', async () => {
      cli.answers = { explain: () => yes }
      assert.equal(await cli.kith('peers', 'explain', 'bob', 'ask'), 0)
      assert.equal(cli.stdout.text, 'yes: an ask by bob is allowed by the rule allow: granted\n')
    })

    it('says which rule refuses, and exits 5', async () => {
      cli.offlineNode = { explainOffline: async () => no }
      assert.equal(await cli.kith('peers', 'explain', 'bob', 'ask'), 5)
      assert.equal(cli.stdout.text, 'no: an ask by bob is refused by the rule hours: it is 03:00\n')
    })

    it('prints one object with --json', async () => {
      cli.answers = { explain: () => no }
      assert.equal(await cli.kith('peers', 'explain', 'bob', 'ask', '--json'), 5)
      assert.deepEqual(cli.stdout.json, [no])
    })
  })
})
