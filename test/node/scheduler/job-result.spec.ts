import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isFailure } from '../../../src/protocol/errors.ts'
import { readJobs } from '../../../src/node/scheduler/jobs-file.ts'
import { jobOf } from '../../helpers/job-home.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { WebhookSink } from '../../helpers/webhook-sink.ts'

const HEAD = `version: 1
jobs:
  - name: digest
    zone: UTC
    schedule: { kind: manual }
`
const WEBHOOK = "webhook: { url: 'https://example.org/hook?key=1', secret: env:HOOK_KEY }"

/** The target of the job, on line 6. */
function asks(egress: string): string {
  return `    target: { kind: ask, peer: self, text: hello, egress: ${egress} }\n`
}

describe('what becomes of the results of a job', () => {
  const folder = tempFolder()

  async function read(text: string): ReturnType<typeof readJobs> {
    const path = join(folder(), 'jobs.yaml')
    await writeFile(path, text, { mode: 0o600 })
    return await readJobs(path)
  }

  it('is that they are kept, are private and go nowhere, unless jobs.yaml says more', () => {
    const { artifact, deliver } = jobOf('digest')
    assert.deepEqual(artifact, { keep: true, sensitivity: 'private' })
    assert.deepEqual(deliver, [])
  })

  it('is what jobs.yaml says', async () => {
    const [job] = await read(
      `${HEAD}${asks('peers')}    artifact: { sensitivity: public }
    deliver:
      - file: /srv/digest.md
      - { peer: bob, when: accepted }
      - { ${WEBHOOK}, when: always }
`,
    )
    assert.deepEqual(job?.artifact, { keep: true, sensitivity: 'public' })
    const url = 'https://example.org/hook?key=1'
    assert.deepEqual(job.deliver, [
      { to: { kind: 'file', path: '/srv/digest.md' }, when: 'success' },
      { to: { kind: 'peer', peer: 'bob' }, when: 'accepted' },
      { to: { kind: 'webhook', url, secret: 'env:HOOK_KEY' }, when: 'always' },
    ])
  })

  const PEER = '    deliver: [{ peer: bob }]\n'
  const HOOK = `    deliver: [{ ${WEBHOOK} }]\n`
  const faults: [what: string, text: string, line: number, why: RegExp][] = [
    ['to a peer with egress none', asks('none') + PEER, 7, /peer needs egress: peers/],
    ['to a peer with egress local-model', asks('local-model') + PEER, 7, /needs egress: peers/],
    ['to a peer with egress provider', asks('provider') + PEER, 7, /needs egress: peers/],
    ['to a webhook with egress none', asks('none') + HOOK, 7, /needs egress: provider or peers/],
    ['to a webhook with egress local-model', asks('local-model') + HOOK, 7, /provider or peers/],
    [
      'of a secret to a webhook',
      `${asks('peers')}    artifact: { sensitivity: secret }\n${HOOK}`,
      8,
      /a secret result goes to no webhook/,
    ],
    [
      'of what is not kept',
      `${asks('none')}    artifact: { keep: false }\n    deliver: [{ file: /srv/x }]\n`,
      8,
      /artifact\.keep may not be false/,
    ],
    ['to nowhere', `${asks('none')}    deliver: [{ when: always }]\n`, 7, /one of file, peer/],
    [
      'to two places at once',
      `${asks('peers')}    deliver: [{ file: /srv/x, peer: bob }]\n`,
      7,
      /one of file, peer and webhook/,
    ],
    [
      'to a file somewhere',
      `${asks('none')}    deliver: [{ file: x }]\n`,
      7,
      /not an absolute path/,
    ],
    [
      'signed by what is no reference',
      `${asks('peers')}    deliver: [{ webhook: { url: 'https://example.org', secret: hunter2 } }]\n`,
      7,
      /say env:NAME, file:\/path or credential:NAME/,
    ],
    [
      'to an address with a password',
      `${asks('peers')}    deliver: [{ webhook: { url: 'https://a:b@example.org', secret: env:A } }]\n`,
      7,
      /has a name or a password in it/,
    ],
    ['to too many places', `${asks('none')}    deliver: [${'{ file: /a },'.repeat(9)}]\n`, 7, /8/],
  ]
  for (const [what, text, line, why] of faults) {
    it(`is no delivery ${what}, told with its line`, async () => {
      await assert.rejects(read(HEAD + text), (err: unknown) => {
        assert.ok(isFailure(err, 'invalid-file'))
        assert.match(err.message, why)
        assert.equal(err.details.line, line)
        return true
      })
    })
  }

  it('may be a delivery to files with any egress, and of a program to anywhere', async () => {
    assert.equal((await read(`${HEAD}${asks('none')}    deliver: [{ file: /srv/x }]\n`)).length, 1)
    const command = '    target: { kind: command, argv: [/bin/df] }\n'
    assert.equal((await read(HEAD + command + PEER)).length, 1)
    assert.equal((await read(HEAD + asks('provider') + HOOK)).length, 1)
  })

  it('leads nowhere when it is refused: nothing is sent, nothing connects', async () => {
    const sink = await WebhookSink.listen()
    const hook = `    deliver: [{ webhook: { url: '${sink.url}', secret: env:A }, when: always }]\n`
    await assert.rejects(read(HEAD + asks('none') + hook))
    assert.equal(sink.connections, 0)
    await sink.close()
  })
})
