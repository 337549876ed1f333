import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { StreamConfig } from '@nats-io/jetstream'
import { natsSchema } from '../../../../src/node/scheduler/nats/nats-config.ts'
import { Session } from '../../../../src/node/scheduler/nats/session.ts'
import { NatsServer, needsNatsServer } from '../../../helpers/nats-server.ts'
import { tempFolder } from '../../../helpers/temp-folder.ts'

/** A user's nkey, made for this test. */
const SEED = 'SUADFW6J7E4QBNSNAWM45JWU2PKMOTDP4PNF5YYBNJWIAJDV25KTIASMAY'

describe('nats session', () => {
  before(function () {
    needsNatsServer(this)
  })
  const folder = tempFolder()
  let server: NatsServer
  const sessions: Session[] = []
  afterEach(async () => {
    await Promise.all(sessions.splice(0).map((session) => session.close()))
    await server.kill()
  })

  async function serve(config = ''): Promise<void> {
    server = new NatsServer(folder(), config)
    await server.start()
  }

  async function open(
    settings: Record<string, unknown> = {},
    env: NodeJS.ProcessEnv = {},
  ): Promise<Session> {
    const config = natsSchema.parse({ servers: [server.url], ...settings })
    const session = await Session.open(config, 'test', env)
    sessions.push(session)
    return session
  }

  describe('makes on the servers', () => {
    async function configs(): Promise<StreamConfig[]> {
      const connection = await connect({ servers: server.url })
      const { streams } = await jetstreamManager(connection)
      const all = await streams.list().next()
      await connection.close()
      return all.map(({ config }) => config).sort((a, b) => (a.name < b.name ? -1 : 1))
    }

    it('what is missing, with a cap by size and count on each, and by age where nothing old is needed', async () => {
      await serve()
      await open()
      const all = await configs()
      assert.deepEqual(
        all.map(({ name }) => name),
        ['KV_kith-jobs', 'KV_kith-runs', 'kith-due'],
      )
      for (const { max_bytes, max_msg_size, max_msgs } of all) {
        assert.ok(max_bytes > 0 && max_msgs > 0 && max_msg_size > 0)
      }
      assert.deepEqual(
        all.map(({ max_age }) => max_age > 0),
        [false, true, true],
      )
    })

    it('the same once, when several nodes come at once and when they come again', async () => {
      await serve()
      await Promise.all([open(), open(), open()])
      const before = await configs()
      await open()
      assert.deepEqual(await configs(), before)
    })

    it('other names under another prefix', async () => {
      await serve()
      await open({ prefix: 'own' })
      assert.deepEqual(
        (await configs()).map(({ name }) => name),
        ['KV_own-jobs', 'KV_own-runs', 'own-due'],
      )
    })
  })

  it('puts a value over the revision that was read, and over no other', async () => {
    await serve()
    const session = await open()
    const first = await session.put('jobs', { key: 'a', text: '1', revision: 0 })
    assert.ok(first)
    assert.equal(await session.put('jobs', { key: 'a', text: '2', revision: 0 }), undefined)
    assert.ok(await session.put('jobs', { key: 'a', text: '2', revision: first }))
    assert.equal((await session.get('jobs', 'a'))?.text, '2')
    assert.equal(await session.get('jobs', 'b'), undefined)
  })

  it('does a write once that is sent twice', async () => {
    await serve()
    const session = await open()
    const entry = { key: 'a', text: '1', revision: 0 }
    const first = await session.put('jobs', entry, 'id')
    assert.equal(await session.put('jobs', entry, 'id'), first)
  })

  describe('logs in', () => {
    const logins: [what: string, config: string, login: string][] = [
      ['a token', 'authorization { token: "s3cret" }', 's3cret'],
      ['a name and a password', 'authorization { user: me, password: "w:rd" }', 'me:w:rd'],
      [
        'an nkey',
        'authorization { users: [{ nkey: UBTC44DIV6KRXU5AZRF5DACQFNHFAZLSEDQZ2ZQS5RB4Y2755JYQQWXO }] }',
        SEED,
      ],
    ]
    for (const [what, config, login] of logins) {
      it(`with ${what}, and not without`, async () => {
        await serve(config)
        await assert.rejects(open(), /uthorization/)
        await assert.rejects(open({ credentials: 'env:LOGIN' }, { LOGIN: 'other' }), /uthorization/)
        await open({ credentials: 'env:LOGIN' }, { LOGIN: login })
      })
    }

    it('with a file, unless others can read it', async () => {
      await serve('authorization { token: "s3cret" }')
      const path = join(folder(), 'login')
      await writeFile(path, 's3cret\n', { mode: 0o600 })
      await open({ credentials: `file:${path}` })
      const loose = join(folder(), 'loose')
      await writeFile(loose, 's3cret\n', { mode: 0o644 })
      await assert.rejects(open({ credentials: `file:${loose}` }), { code: 'unsafe-file' })
    })

    it('with nothing where there is nothing, and says so', async () => {
      await serve()
      await assert.rejects(open({ credentials: 'env:LOGIN' }), { code: 'usage' })
    })
  })

  describe('over TLS', () => {
    before(function () {
      if (spawnSync('openssl', ['version']).status === 0) return
      process.stderr.write('    not installed, and not tested with: openssl\n')
      this.skip()
    })

    /** A certificate of this machine, and its key, signed by itself. */
    function certify(name: string, host = 'localhost'): { cert: string; key: string } {
      const [cert, key] = [join(folder(), `${name}.pem`), join(folder(), `${name}.key`)]
      const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${host}`]
      const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
      const files = ['-keyout', key, '-out', cert, '-days', '1']
      execFileSync('openssl', ['req', ...kind, ...files, ...subject], { stdio: 'ignore' })
      return { cert, key }
    }

    it('knows the server by its certificate, and shows its own', async () => {
      const [own, client] = [certify('server'), certify('client')]
      await serve(
        `tls { cert_file: "${own.cert}", key_file: "${own.key}", ca_file: "${client.cert}", verify: true }`,
      )
      const servers = [`tls://localhost:${server.port}`]
      await assert.rejects(open({ servers }), /self.signed/)
      await assert.rejects(open({ servers, tls: { ca: own.cert } }))
      await assert.rejects(open({ servers, tls: { ca: client.cert, ...client } }), /self.signed/)
      await open({ servers, tls: { ca: own.cert, ...client } })
    })

    it('takes no certificate of another name', async () => {
      const { cert, key } = certify('server', 'other.example')
      await serve(`tls { cert_file: "${cert}", key_file: "${key}" }`)
      const servers = [`tls://localhost:${server.port}`]
      await assert.rejects(open({ servers, tls: { ca: cert } }), /other\.example/)
    })

    it('says nothing to a server that has none', async () => {
      await serve('authorization { token: "s3cret" }')
      const servers = [`tls://localhost:${server.port}`]
      const login = { credentials: 'env:LOGIN' }
      await assert.rejects(open({ servers, ...login }, { LOGIN: 's3cret' }), /tls/i)
    })
  })
})
