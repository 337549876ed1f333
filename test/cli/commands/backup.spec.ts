import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BackupFiles, BackupModule, RestoreReport } from '../../../src/cli/backup-module.ts'
import { bytesText, barText } from '../../../src/cli/bytes-text.ts'
import type { BackupReport, BackupRoute, MadeReport } from '../../../src/node/control/api.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { FakeCli } from '../fake-cli.ts'

const AT = 1_790_000_000_000
const FILE = '/mnt/b/alice-20260921T000000Z.age'

const made: MadeReport = {
  ...{ file: FILE, backupAt: AT, bytes: 1_234, standing: 'there', sha256: 'a'.repeat(64) },
  ...{ lock: 'passphrase', by: 'self', signed: true, leftOut: [], changing: [] },
  verified: { at: AT, how: 'content', ok: true },
}
const summary = { node: 'kith1alice', sn: 1, backupAt: AT, software: 'kith/1', files: 5, bytes: 99 }
const words = ['one', 'two', 'three', 'four']
const author = { node: 'kith1alice', words, proof: 'home' as const }
const restored: RestoreReport = {
  ...{ author, summary },
  merged: {
    ...{ keyLog: 'backup', peers: 'backup', peersBeside: undefined, blocked: [] },
    ...{ storeRead: true, revokedInvites: 0, ahead: [] },
  },
}

describe('kith backup', () => {
  const folder = tempFolder()
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

    it('leaves it unsigned when it is told to, and says what that means', async () => {
      recipients = ['age1x']
      const unsigned: MadeReport = { ...made }
      delete unsigned.signed
      cli.answers = { ...cli.answers, createBackup: () => unsigned }
      assert.equal(await cli.kith('backup', 'create', '--unsigned'), 0)
      assert.deepEqual(cli.calls.at(-1), ['createBackup', { unsigned: true }])
      assert.match(cli.stderr.text, /it is not signed, and taken with --allow-unsigned alone/)
    })

    it('without a node wants the passphrase of its keys, or to be told to leave it unsigned', async () => {
      recipients = ['age1x']
      const away = (): never => {
        throw new KithError('daemon-not-running', 'no node', { home: '/h' })
      }
      cli.answers = { ...cli.answers, backups: away }
      const asked: (string | undefined)[] = []
      const known = { backups, ages: {}, recipients }
      const answers = { backups: known, createBackup: made } as Partial<
        Record<BackupRoute, unknown>
      >
      const files: BackupFiles = {
        call: async (name) => answers[name] as never,
        openKey: async (passphrase) => {
          asked.push(await passphrase())
          if (asked.at(-1) !== undefined) return
          throw new KithError('passphrase', 'sealed', { given: false })
        },
        close: async () => undefined,
      }
      modules({ openBackups: async () => files })
      assert.equal(await cli.kith('backup', 'create'), 7)
      assert.match(
        cli.stderr.text,
        /passphrase of the keys of this node.*\n.*kith start.*--unsigned/,
      )
      const path = join(folder(), 'passphrase')
      await writeFile(path, 'of the keys\n')
      cli.env['KITH_PASSPHRASE_FILE'] = path
      assert.equal(await cli.kith('backup', 'create'), 0, cli.stderr.text)
      assert.deepEqual(asked, [undefined, 'of the keys'])
      assert.equal(await cli.kith('backup', 'create', '--unsigned'), 0)
      assert.equal(asked.length, 2)
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
        createBackup: () => ({ ...made, leftOut: ['a', 'b\u001b[2J', 'c'], changing: ['c'] }),
      }
      await cli.kith('backup', 'create')
      assert.match(cli.stderr.text, /not in it: a, b/)
      assert.match(cli.stderr.text, /changed whenever it was read: c\n/)
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

  it('verify and drill tell of one that is not proved, and note nothing of it', async () => {
    const why = 'nobody has signed the backup'
    const unproved = 'another one; or, if you know who made it, --allow-unsigned'
    modules({
      readBackupKey: async () => ['AGE'],
      verifyFile: async () => ({ how: 'content', ok: false, why, unproved }),
      drillBackup: async () => ({
        ok: false,
        findings: [{ check: 'author', state: 'fail', what: why }],
      }),
    })
    assert.equal(await cli.kith('backup', 'verify', FILE, '--identity', 'id'), 1)
    assert.match(cli.stdout.text, /is not to be taken: nobody has signed/)
    assert.match(cli.stderr.text, /try: another one; or, .*--allow-unsigned\n/)
    assert.equal(await cli.kith('backup', 'drill', FILE, '--identity', 'id'), 1)
    assert.ok(!cli.calls.some(([name]) => name === 'noteBackup'))
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
    const { home } = cli
    const what = { key: undefined, sha256: made.sha256, home, wanted: {} }
    assert.deepEqual(seen, [[FILE, what]])
    assert.match(cli.stdout.text, /what is in it was not looked at/)
    backups = []
    assert.equal(await cli.kith('backup', 'verify', FILE), 2)
  })

  it('verify, drill and restore say whose it must be, and whether it may be unsigned', async () => {
    const seen: unknown[] = []
    modules({
      readBackupKey: async () => ['AGE'],
      verifyFile: async (_file, { wanted }) => {
        seen.push([wanted.node, wanted.allowUnsigned])
        return {
          how: 'content',
          ok: true,
          summary,
          author: { ...author, proof: 'unsigned' as const },
        }
      },
      drillBackup: async ({ wanted }) => {
        seen.push([wanted.node, wanted.allowUnsigned])
        return { ok: true, findings: [] }
      },
      restoreBackup: async ({ wanted }) => {
        seen.push([wanted.node, wanted.allowUnsigned])
        return restored
      },
    })
    const flags = ['--identity', 'id', '--node', 'kith1bob', '--allow-unsigned']
    for (const command of [['backup', 'verify'], ['backup', 'drill'], ['restore']]) {
      assert.equal(await cli.kith(...command, FILE, ...flags), 0, cli.stderr.text)
    }
    assert.deepEqual(seen, Array(3).fill(['kith1bob', true]))
    assert.match(cli.stderr.text, /nobody has signed it: that it is yours, you have to know/)
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

    it('says what is to be compared where nothing here knows the node, and that its key was stolen', async () => {
      const itself = { ...author, proof: 'itself', stolen: true } as const
      modules({ restoreBackup: async () => ({ ...restored, author: itself }) })
      cli.stdin.end('p\n')
      assert.equal(await cli.kith('restore', FILE, '--passphrase-stdin'), 0)
      assert.match(
        cli.stderr.text,
        /nothing here knows kith1alice: are these its words\? one two three four\n/,
      )
      assert.match(cli.stderr.text, /given up later as stolen: its thief may have made it/)
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
