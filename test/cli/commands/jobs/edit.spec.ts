import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { KithError } from '../../../../src/protocol/errors.ts'
import { tempFolder } from '../../../helpers/temp-folder.ts'
import { FakeCli } from '../../fake-cli.ts'
import { RUN, tidy } from './reports.ts'

const DEFINITION = '# at night\nname: tidy\ntarget:\n  kind: command\n\n  argv: [tidy]\n'
const FILE = `version: 1
jobs:
  # at night
  - name: tidy
    target:
      kind: command

      argv: [tidy]
`

describe('kith jobs edit', () => {
  const folder = tempFolder()
  let cli: FakeCli
  let edits: unknown[]

  beforeEach(() => {
    cli = new FakeCli()
    edits = []
    cli.answers = {
      showJob: () => ({ ...tidy, definition: DEFINITION }),
      editJobs: (edit) => {
        edits.push(edit)
        return [tidy]
      },
    }
  })

  const changes: [args: string, changes: Record<string, unknown>][] = [
    ['--daily 05:00', { schedule: { kind: 'daily', at: '05:00' } }],
    ['--zone UTC', { zone: 'UTC' }],
    ['--ask bob hi', { target: { kind: 'ask', peer: 'bob', text: 'hi', egress: 'peers' } }],
    ['--egress provider', { target: { egress: 'provider' } }],
    ['--cwd /tmp', { target: { cwd: '/tmp' } }],
    ['--attempts 3', { attempts: { max: 3 } }],
    ['--missed-window 1h', { missed: { window_seconds: 3_600 } }],
  ]
  for (const [args, sent] of changes) {
    it(`changes what ${args} says, and nothing else`, async () => {
      assert.equal(await cli.kith('jobs', 'edit', 'tidy', ...args.split(' ')), 0, cli.stderr.text)
      assert.deepEqual(edits, [{ op: 'change', name: 'tidy', changes: sent }])
      assert.match(
        cli.stdout.text,
        /^tidy is on, next at \S+ \S+: daily 04:00, command tidy --all$/m,
      )
    })
  }

  it('says of a run under way that it stays as it was', async () => {
    cli.answers.editJobs = () => [{ ...tidy, activeRun: RUN }]
    await cli.kith('jobs', 'edit', 'tidy', '--attempts', '3')
    assert.equal(cli.stderr.text, 'kith: the run under way goes on as it was begun\n')
  })

  it('prints the job with --json', async () => {
    await cli.kith('jobs', 'edit', 'tidy', '--attempts', '3', '--json')
    assert.deepEqual(cli.stdout.json, [tidy])
  })

  it('without a terminal and without options, opens no editor', async () => {
    assert.equal(await cli.kith('jobs', 'edit', 'tidy'), 2)
    assert.match(cli.stderr.text, /^try: kith jobs edit --help$/m)
  })

  describe('in an editor', () => {
    const { TMPDIR } = process.env

    beforeEach(() => {
      process.env['TMPDIR'] = folder()
    })
    afterEach(() => {
      if (TMPDIR === undefined) delete process.env['TMPDIR']
      else process.env['TMPDIR'] = TMPDIR
    })

    /** Lets an owner at a terminal edit by this script; what it edits is copied to `seen` before. */
    async function editor(script: string): Promise<void> {
      cli.stdin.isTTY = true
      cli.stderr.isTTY = true
      const path = join(folder(), 'editor.sh')
      await writeFile(path, `#!/bin/sh\nfile="$2"\ncp "$file" '${folder()}/seen'\n${script}\n`)
      await chmod(path, 0o700)
      cli.env['EDITOR'] = `'${path}' --wait`
    }

    /** Where a text stayed that was not taken. */
    function keptIn(): string {
      const [, path = ''] = /^kith: what you wrote is in (.*)$/m.exec(cli.stderr.text) ?? []
      assert.notEqual(path, '')
      return path
    }

    it('sends what its owner made of the entry', async () => {
      await editor('sed -i s/tidy]/tidy,-v]/ "$file"')
      assert.equal(await cli.kith('jobs', 'edit', 'tidy'), 0, cli.stderr.text)
      assert.equal(await readFile(join(folder(), 'seen'), 'utf8'), FILE)
      const text = FILE.replace('tidy]', 'tidy,-v]')
      assert.deepEqual(edits, [{ op: 'put', name: 'tidy', text }])
      assert.doesNotMatch(cli.stderr.text, /what you wrote/)
    })

    it('prefers the visual one', async () => {
      await editor('exit 1')
      cli.env['VISUAL'] = 'true'
      assert.equal(await cli.kith('jobs', 'edit', 'tidy'), 0)
    })

    it('sends nothing when nothing was changed', async () => {
      await editor('true')
      assert.equal(await cli.kith('jobs', 'edit', 'tidy'), 0)
      assert.equal(cli.stderr.text, 'kith: nothing was changed\n')
      assert.deepEqual(edits, [])
    })

    /** Refuses so many times. */
    function refusing(times: number): void {
      cli.answers.editJobs = (edit) => {
        edits.push(edit)
        if (edits.length > times) return [tidy]
        const details = { path: 'put', line: 8, column: 7 }
        throw new KithError('invalid-file', 'put:8:7: jobs[0].target.argv: missing', details)
      }
    }

    it('tells a fault by its line, and gives the text back to be mended', async () => {
      refusing(1)
      await editor('sed -i s/tidy]/tidy,again]/ "$file"')
      cli.stdin.write('\n')
      assert.equal(await cli.kith('jobs', 'edit', 'tidy'), 0, cli.stderr.text)
      assert.match(cli.stderr.text, /^kith: \S+\/tidy.yaml:8:7: jobs\[0\].target.argv: missing$/m)
      const seen = await readFile(join(folder(), 'seen'), 'utf8')
      assert.ok(seen.endsWith('argv: [tidy,again]\n'), 'as it was left')
      assert.equal(edits.length, 2)
    })

    it('keeps what was written when its owner gives up', async () => {
      refusing(9)
      await editor('sed -i s/tidy]/tidy,again]/ "$file"')
      cli.stdin.write('n\n')
      assert.equal(await cli.kith('jobs', 'edit', 'tidy'), 1)
      assert.ok((await readFile(keptIn(), 'utf8')).endsWith('argv: [tidy,again]\n'))
      assert.equal(edits.length, 1)
    })

    it('keeps it when the node is gone', async () => {
      cli.answers.editJobs = () => {
        throw new KithError('store-failed', 'no disk', { folder: '/x' })
      }
      await editor('sed -i s/tidy]/x]/ "$file"')
      assert.equal(await cli.kith('jobs', 'edit', 'tidy'), 1)
      assert.ok(existsSync(keptIn()))
    })

    it('tells of an editor that fails', async () => {
      await editor('exit 3')
      assert.equal(await cli.kith('jobs', 'edit', 'tidy'), 1)
      assert.match(cli.stderr.text, /ended with exit code 3/)
      assert.doesNotMatch(cli.stderr.text, /what you wrote/)
      assert.deepEqual(edits, [])
    })
  })
})
