/** Holds what docs/shared-jobs.md says to the code: a node takes its config, and a server its own. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readConfig } from '../../src/node/config.ts'
import { natsSchema } from '../../src/node/scheduler/nats/nats-config.ts'
import { Session } from '../../src/node/scheduler/nats/session.ts'
import { NatsServer, needsNatsServer } from '../helpers/nats-server.ts'
import { tempFolder } from '../helpers/temp-folder.ts'
import { page } from './markdown.ts'

const TEXT = page('docs/shared-jobs.md')

function block(name: string): string {
  const [, body = ''] = new RegExp(`\`\`\`\\w+ ${name}\n(.*?)\`\`\``, 's').exec(TEXT) ?? []
  assert.notEqual(body, '')
  return body
}

describe('docs/shared-jobs.md', () => {
  const folder = tempFolder()

  it('has a config that a node takes', async () => {
    const path = join(folder(), 'config.yaml')
    await writeFile(path, block('config'), { mode: 0o600 })
    const { scheduler } = await readConfig(path, {})
    assert.equal(scheduler.engine, 'nats')
    assert.deepEqual(scheduler.nats.servers, ['tls://nats.example:4222'])
  })

  it('has a server that lets a node in by its login, and by no other', async function () {
    needsNatsServer(this)
    if (spawnSync('openssl', ['version']).status !== 0) this.skip()
    const [cert, key] = [join(folder(), 'server.pem'), join(folder(), 'server.key')]
    const files = ['-keyout', key, '-out', cert, '-days', '1', '-subj', '/CN=localhost']
    const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
    const names = ['-addext', 'subjectAltName=DNS:localhost']
    execFileSync('openssl', ['req', ...kind, ...files, ...names], { stdio: 'ignore' })
    const text = block('nats-server.conf')
    // Where it listens and stores is the test's.
    const rest = text.replace(/^(listen|jetstream) .*\n|^listen: .*\n/gm, '')
    const server = new NatsServer(folder(), rest.replaceAll('/etc/nats', folder()))
    await server.start()
    try {
      const servers = [`tls://localhost:${server.port}`]
      const config = natsSchema.parse({ servers, credentials: 'env:LOGIN', tls: { ca: cert } })
      const [, user = '', password = ''] = /user: (\w+), password: "(.*)"/.exec(text) ?? []
      const session = await Session.open(config, 'test', { LOGIN: `${user}:${password}` })
      await session.close()
      await assert.rejects(Session.open(config, 'test', { LOGIN: `${user}:x` }), /uthorization/)
    } finally {
      await server.kill()
    }
  })
})
