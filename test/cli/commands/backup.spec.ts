import assert from 'node:assert/strict'
import type { BackupModule, RestoreReport } from '../../../src/cli/backup-module.ts'
import { bytesText, barText } from '../../../src/cli/bytes-text.ts'
import type { BackupReport, MadeReport } from '../../../src/node/control/api.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { FakeCli } from '../fake-cli.ts'

const AT = 1_790_000_000_000
const FILE = '/mnt/b/alice-20260921T000000Z.age'

const made: MadeReport = {
  ...{ file: FILE, backupAt: AT, bytes: 1_234, standing: 'there', sha256: 'a'.repeat(64) },
  ...{ lock: 'passphrase', by: 'self', leftOut: [] },
  verified: { at: AT, how: 'content', ok: true },
}
const summary = { node: 'kith1alice', sn: 1, backupAt: AT, software: 'kith/1', files: 5, bytes: 99 }
const restored: RestoreReport = {
  summary,
  merged: {
    ...{ keyLog: 'backup', peers: 'backup', peersBeside: undefined, blocked: [] },
    ...{ storeRead: true, revokedInvites: 0, ahead: [] },
  },
}

describe('kith backup', () => {
  let cli: FakeCli
  let recipients: string[]
  let backups: BackupReport[]

  beforeEach(() => {
    cli = new FakeCli()
    recipients = []
    backups = []
    cli.answers = {
      backups: () => ({ backups, ages: {}, recipients }),
      createBackup: () => made,
      backupProgress: () => ({ phase: 'writing', doneBytes: 1, totalBytes: 2 }),
      noteBackup: () => ({}),
    }
    cli.backupModule = { sealOf: async () => 'passphrase' }
  })

  function modules(change: Partial<BackupModule>): void {
    cli.backupModule = { ...cli.backupModule, ...change }
  }

  describe('create', () => {
    it('says where it is, what was found, and what to type', async () => {
      cli.stdin.end('p\n')
      const code = await cli.kith('backup', 'create', '--to', '/mnt/b', '--passphrase-stdin')
      assert.equal(code, 0)
      assert.equal(cli.stdout.text, `${FILE}\n1.2 kB, opened again, and whole\n`)
      assert.match(cli.stderr.text, new RegExp(`another machine: kith restore ${FILE}\n`))
      assert.deepEqual(cli.calls.at(-1), ['createBackup', { to: '/mnt/b', passphrase: 'p' }])
    })

    it('asks nobody where the config names recipients, or the command line', async () => {
      recipients = ['age1x']
      assert.equal(await cli.kith('backup', 'create', '--json'), 0)
      assert.deepEqual(cli.calls.at(-1), ['createBackup', {}])
      assert.deepEqual(cli.stdout.json, [made])
      await cli.kith('backup', 'create', '--recipient', 'age1y,age1z')
      assert.deepEqual(cli.calls.at(-1), ['createBackup', { recipients: ['age1y', 'age1z'] }])
    })

    it('wants to know what seals it where nobody can be asked', async () => {
      assert.equal(await cli.kith('backup', 'create'), 2)
      assert.match(cli.stderr.text, /--passphrase-stdin or --recipient/)
    })

    it('fails for one that is damaged, and names what is not in it', async () => {
      recipients = ['age1x']
      const verified = {
        at: AT,
        how: 'hash',
        ok: false,
        why: 'it is not what was written',
      } as const
      cli.answers = { ...cli.answers, createBackup: () => ({ ...made, verified }) }
      assert.equal(await cli.kith('backup', 'create'), 1)
      assert.match(cli.stdout.text, /damaged: it is not what was written/)
      cli.answers = {
        ...cli.answers,
        createBackup: () => ({ ...made, leftOut: ['a', 'b\u001b[2J'] }),
      }
      await cli.kith('backup', 'create')
      assert.match(cli.stderr.text, /not in it: a, b/)
      assert.ok(!cli.stderr.text.includes('\u001b'))
    })

    const places: [place: string, to: string | undefined, args: string[], told: RegExp][] = [
      [
        'none is known',
        undefined,
        [],
        /nobody has said where .*\ntry: kith backup create --to DIR/,
      ],
      ['that of the config is gone', '/nowhere/b', [], /no folder \/nowhere\/b\ntry: mkdir/],
      [
        'that of a file is gone',
        '/',
        ['--to', '/nowhere/b.age'],
        /no folder \/nowhere\ntry: mkdir/,
      ],
    ]
    for (const [place, to, args, told] of places) {
      it(`has nobody type a passphrase while there is no folder for it: ${place}`, async () => {
        cli.stdin.isTTY = true
        cli.stderr.isTTY = true
        const known = { backups, ages: {}, recipients, ...(to === undefined ? {} : { to }) }
        cli.answers = { ...cli.answers, backups: () => known }
        assert.equal(await cli.kith('backup', 'create', ...args), 2)
        assert.match(cli.stderr.text, told)
        assert.ok(!cli.stderr.text.includes('Passphrase'))
      })
    }

    it('shows a bar on a terminal alone', async () => {
      recipients = ['age1x']
      await cli.kith('backup', 'create')
      assert.ok(!cli.stderr.text.includes('['))
      cli.stderr.isTTY = true
      await cli.kith('backup', 'create')
      assert.match(cli.stderr.text, /writing \[#{15}-{15}\] 50 % of 2 B/)
    })
  })

  it('list shows each with what was found of it', async () => {
    const standings = ['there', 'missing', 'changed', 'unknown'] as const
    backups = standings.map((standing) => ({ ...made, standing }))
    backups.push({ ...made, verified: { at: AT, how: 'hash', ok: false } })
    backups.push({ ...made, verified: { at: AT, how: 'hash', ok: true } })
    assert.equal(await cli.kith('backup', 'list'), 0)
    const found = ['whole', 'not there', 'changed since', 'not known here', 'damaged', 'as written']
    const lines = cli.stdout.text.split('\n').slice(1, -1)
    assert.equal(lines.length, found.length)
    for (const [at, text] of found.entries()) assert.ok(lines[at]?.includes(` ${text} `), lines[at])
  })

  it('prune removes with --yes alone', async () => {
    const report = { kept: [made], removed: [made], spared: [] }
    cli.answers = { ...cli.answers, pruneBackups: () => report }
    assert.equal(await cli.kith('backup', 'prune'), 0)
    assert.deepEqual(cli.calls.at(-1), ['pruneBackups', { remove: false }])
    assert.match(cli.stdout.text, /1 would be removed, 1 kept/)
    await cli.kith('backup', 'prune', '--yes')
    assert.deepEqual(cli.calls.at(-1), ['pruneBackups', { remove: true }])
    assert.equal(await cli.kith('backup', 'prune', '--yes', '--dry-run'), 2)
  })

  it('verify notes what it has found, and fails for a damaged one', async () => {
    modules({ verifyFile: async () => ({ how: 'content', ok: false, why: 'cut off' }) })
    cli.stdin.end('p\n')
    assert.equal(await cli.kith('backup', 'verify', FILE, '--passphrase-stdin'), 1)
    assert.equal(cli.stdout.text, `${FILE} is damaged: cut off\n`)
    const note = { file: FILE, how: 'content', ok: false, why: 'cut off' }
    assert.deepEqual(cli.calls.at(-1), ['noteBackup', note])
  })

  it('verify and drill say what they have found though it cannot be noted', async () => {
    const broken = (): never => {
      throw new KithError('invalid-file', 'config.yaml: unknown key', { path: 'config.yaml' })
    }
    cli.answers = { ...cli.answers, noteBackup: broken }
    modules({
      verifyFile: async () => ({ how: 'content', ok: false, why: 'cut off' }),
      drillBackup: async () => ({ ok: true, findings: [] }),
    })
    cli.stdin.end('p\n')
    assert.equal(await cli.kith('backup', 'verify', FILE, '--passphrase-stdin'), 1)
    assert.match(cli.stdout.text, /is damaged: cut off/)
    modules({ readBackupKey: async () => ['AGE'] })
    assert.equal(await cli.kith('backup', 'drill', FILE, '--identity', 'id'), 1)
    assert.match(cli.stdout.text, /a node starts from/)
  })

  it('verify compares one that it cannot open with what was written', async () => {
    backups = [made]
    const seen: unknown[] = []
    modules({
      sealOf: async () => 'recipients',
      verifyFile: async (...what) => {
        seen.push(what.slice(0, 2))
        return { how: 'hash', ok: true }
      },
    })
    assert.equal(await cli.kith('backup', 'verify', FILE), 0)
    assert.deepEqual(seen, [[FILE, { key: undefined, sha256: made.sha256 }]])
    assert.match(cli.stdout.text, /what is in it was not looked at/)
    backups = []
    assert.equal(await cli.kith('backup', 'verify', FILE), 2)
  })

  it('drill takes the newest that is there, and fails with what it finds', async () => {
    backups = [{ ...made, file: '/mnt/gone.age', standing: 'missing' }, made]
    const files: string[] = []
    modules({
      drillBackup: async ({ file }) => {
        files.push(file)
        return { ok: false, findings: [{ check: 'archive', state: 'fail', what: 'cut off' }] }
      },
    })
    cli.stdin.end('p\n')
    assert.equal(await cli.kith('backup', 'drill', '--passphrase-stdin'), 1)
    assert.deepEqual(files, [FILE])
    assert.match(cli.stdout.text, /no node can be started from .* \(1 failure\)/)
    assert.deepEqual(cli.calls.at(-1), [
      'noteBackup',
      { file: FILE, how: 'drill', ok: false, why: 'cut off' },
    ])
  })

  it('drill of one that is sealed for recipients wants an identity', async () => {
    modules({ sealOf: async () => 'recipients' })
    assert.equal(await cli.kith('backup', 'drill', FILE), 2)
    assert.match(cli.stderr.text, /--identity FILE/)
  })

  it('keygen prints the recipient, and nothing of the identity', async () => {
    modules({ makeBackupKey: async () => 'age1made' })
    assert.equal(await cli.kith('backup', 'keygen', '/mnt/id.txt', '--json'), 0)
    assert.deepEqual(cli.stdout.json, [{ recipient: 'age1made', file: '/mnt/id.txt' }])
  })

  describe('kith restore', () => {
    it('says what was kept, and what to do next', async () => {
      const merged = {
        ...restored.merged,
        ...({ keyLog: 'home', peers: 'home', peersBeside: 'peers.yaml.restored' } as const),
        ...{ blocked: ['eve'], revokedInvites: 2, ahead: [{ peer: 'bob', sn: 3 }] },
      }
      modules({ restoreBackup: async () => ({ ...restored, merged, before: '/home.before-1' }) })
      cli.stdin.end('p\n')
      assert.equal(await cli.kith('restore', FILE, '--passphrase-stdin'), 0)
      assert.match(cli.stdout.text, /^kith1alice is restored to \/nowhere\/\.kith\n/)
      for (const pattern of [
        ...[/peers\.yaml\.restored/, /blocked: eve/, /2 open invites are revoked/],
        ...[/bob holds key log event 3/, /home that was there: \/home\.before-1/],
        /must run in one place only/,
      ]) {
        assert.match(cli.stderr.text, pattern)
      }
    })

    it('is refused while the node runs, before a passphrase is read', async () => {
      cli.answers = { status: () => ({ pid: 7 }) as never }
      assert.equal(await cli.kith('restore', FILE, '--passphrase-stdin'), 1)
      assert.match(cli.stderr.text, /a node runs in \/nowhere\/\.kith: process 7\ntry: kith stop/)
    })

    it('with --dry-run changes nothing, and says so', async () => {
      const seen: boolean[] = []
      modules({
        restoreBackup: async ({ dryRun }) => {
          seen.push(dryRun)
          return restored
        },
      })
      cli.stdin.end('p\n')
      assert.equal(await cli.kith('restore', FILE, '--dry-run', '--passphrase-stdin'), 0)
      assert.deepEqual(seen, [true])
      assert.match(cli.stderr.text, /nothing was changed/)
    })
  })

  for (const [bytes, text] of [
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.0 kB'],
    [99_949, '99.9 kB'],
    [99_950, '100 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [5e15, '5000 TB'],
  ] as const) {
    it(`writes ${bytes} bytes as ${text}`, () => {
      assert.equal(bytesText(bytes), text)
    })
  }

  it('has no share of nothing', () => {
    assert.equal(barText('writing', 0, 0), 'writing …')
    assert.match(barText('writing', 9, 5), /100 %/)
  })
})
