import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { KithError } from '../../../../src/protocol/errors.ts'
import { tempFolder } from '../../../helpers/temp-folder.ts'
import { FakeCli } from '../../fake-cli.ts'
import { morning, tidy } from './reports.ts'

const YAML = 'version: 1\n# mine\njobs: []\n'

describe('kith jobs', () => {
  const folder = tempFolder()
  let cli: FakeCli
  let edits: unknown[]

  beforeEach(() => {
    cli = new FakeCli()
    edits = []
    cli.answers = {
      editJobs: (edit) => {
        edits.push(edit)
        return [tidy, morning]
      },
    }
  })

  describe('export', () => {
    beforeEach(() => {
      cli.offlineNode = { exportJobs: async () => YAML }
    })

    it('prints the file as it is', async () => {
      assert.equal(await cli.kith('jobs', 'export'), 0)
      assert.equal(cli.stdout.text, YAML)
    })

    it('prints what the node that runs has, which may share it with others', async () => {
      cli.answers = { exportJobs: () => ({ yaml: '# of all\n' }) }
      assert.equal(await cli.kith('jobs', 'export'), 0)
      assert.equal(cli.stdout.text, '# of all\n')
    })

    it('shows a terminal nothing that does things to it, and hands a pipe all there is', async () => {
      const yaml = '# \u001B]0;pwned\u0007\nversion: 1\n'
      cli.answers = { exportJobs: () => ({ yaml }) }
      assert.equal(await cli.kith('jobs', 'export'), 0)
      assert.equal(cli.stdout.text, yaml)
      cli.stdout.isTTY = true
      assert.equal(await cli.kith('jobs', 'export'), 0)
      assert.ok(!cli.stdout.text.slice(yaml.length).includes('\u001B'))
    })

    it('prints it as JSON', async () => {
      await cli.kith('jobs', 'export', '--json')
      assert.deepEqual(cli.stdout.json, [{ yaml: YAML }])
    })

    it('writes a new file that nobody else can read', async () => {
      const path = join(folder(), 'out.yaml')
      assert.equal(await cli.kith('jobs', 'export', '--file', path), 0)
      assert.equal(await readFile(path, 'utf8'), YAML)
      assert.equal((await stat(path)).mode & 0o777, 0o600)
      assert.equal(cli.stdout.text, `${path} has all jobs\n`)
    })

    it('overwrites none', async () => {
      const path = join(folder(), 'there.yaml')
      await writeFile(path, 'mine')
      assert.equal(await cli.kith('jobs', 'export', '--file', path), 1)
      assert.equal(await readFile(path, 'utf8'), 'mine')
    })
  })

  describe('import', () => {
    it('takes the jobs of a file, and names those that run by themselves', async () => {
      const path = join(folder(), 'in.yaml')
      await writeFile(path, YAML)
      assert.equal(await cli.kith('jobs', 'import', path), 0)
      assert.deepEqual(edits, [{ op: 'import', text: YAML, replace: false }])
      assert.equal(cli.stdout.text, 'there are 2 jobs now\n')
      assert.equal(cli.stderr.text, 'kith: on, and run when they are due: tidy\n')
    })

    it('takes them from the standard input, in place of those that there are', async () => {
      cli.stdin.end(YAML)
      assert.equal(await cli.kith('jobs', 'import', '-', '--replace', '--json'), 0)
      assert.deepEqual(edits, [{ op: 'import', text: YAML, replace: true }])
      assert.deepEqual(cli.stdout.json, [[tidy, morning]])
    })

    it('tells a fault by its line and column in that file', async () => {
      const path = join(folder(), 'bad.yaml')
      await writeFile(path, 'version: 1\njobs: 7\n')
      cli.answers = {
        editJobs: () => {
          const details = { path: 'import', line: 2, column: 7 }
          throw new KithError('invalid-file', 'import:2:7: jobs: no list', details)
        },
      }
      assert.equal(await cli.kith('jobs', 'import', path), 1)
      assert.equal(
        cli.stderr.text,
        `kith: ${path}:2:7: jobs: no list\ntry: edit line 2 of ${path}\n`,
      )
    })

    it('tells a fault of jobs.yaml as one of jobs.yaml', async () => {
      cli.stdin.end(YAML)
      cli.answers = {
        editJobs: () => {
          const details = { path: '/x/jobs.yaml', line: 2, column: 7 }
          throw new KithError('invalid-file', '/x/jobs.yaml:2:7: jobs: no list', details)
        },
      }
      assert.equal(await cli.kith('jobs', 'import', '-'), 1)
      assert.match(cli.stderr.text, /^kith: \/x\/jobs.yaml:2:7: jobs: no list\n/)
    })

    it('refuses what is no file, and one that is too large', async () => {
      assert.equal(await cli.kith('jobs', 'import', join(folder(), 'none.yaml')), 2)
      const path = join(folder(), 'large.yaml')
      await writeFile(path, '#'.repeat(1_000_001))
      assert.equal(await cli.kith('jobs', 'import', path), 5)
      cli.stdin.end('#'.repeat(1_000_001))
      assert.equal(await cli.kith('jobs', 'import', '-'), 5)
      assert.deepEqual(edits, [])
    })

    it('takes one that is just not', async () => {
      const path = join(folder(), 'full.yaml')
      await writeFile(path, '#'.repeat(1_000_000))
      assert.equal(await cli.kith('jobs', 'import', path), 0)
    })
  })
})
