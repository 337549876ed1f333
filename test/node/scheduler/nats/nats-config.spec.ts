import assert from 'node:assert/strict'
import { schedulerSchema } from '../../../../src/node/scheduler/scheduler-config.ts'

function faultOf(nats: Record<string, unknown>, engine = 'nats'): string | undefined {
  const parsed = schedulerSchema.safeParse({ engine, nats })
  return parsed.error?.issues[0]?.message
}

describe('nats config', () => {
  for (const server of [
    'nats://127.0.0.1:4222',
    'nats://localhost:4222',
    'nats://[::1]:4222',
    'tls://nats.example:4222',
    'tls://localhost:4222',
  ]) {
    it(`takes ${server}`, () => {
      assert.equal(faultOf({ servers: [server] }), undefined)
    })
  }

  for (const [server, fault] of [
    ['nats://10.0.0.1:4222', 'a server on another machine needs tls://'],
    ['nats://nats.example:4222', 'a server on another machine needs tls://'],
    ['nats://127.0.0.1.example:4222', 'a server on another machine needs tls://'],
    ['tls://10.0.0.1:4222', 'certificates are of a name: say tls://NAME'],
    ['tls://[fd00::1]:4222', 'certificates are of a name: say tls://NAME'],
    ['tls://user:word@nats.example:4222', 'the login goes to credentials'],
    ['http://127.0.0.1:4222', 'say tls://HOST:PORT, or nats://127.0.0.1:PORT'],
    ['127.0.0.1:4222', 'say tls://HOST:PORT, or nats://127.0.0.1:PORT'],
    ['', 'say tls://HOST:PORT, or nats://127.0.0.1:PORT'],
  ] as const) {
    it(`refuses ${server || 'nothing'} as a server`, () => {
      assert.equal(faultOf({ servers: [server] }), fault)
    })
  }

  it('refuses servers some of which are in the clear', () => {
    const servers = ['nats://127.0.0.1:4222', 'tls://nats.example:4222']
    assert.equal(faultOf({ servers }), 'either all with tls:// or none')
  })

  it('needs a server for engine: nats, and none for local', () => {
    assert.equal(faultOf({}), 'engine: nats needs one server at least')
    assert.equal(faultOf({}, 'local'), undefined)
  })

  it('wants the key of its certificate, and the certificate of its key', () => {
    const servers = ['tls://nats.example:4222']
    for (const tls of [{ cert: '/cert.pem' }, { key: '/key.pem' }]) {
      assert.equal(faultOf({ servers, tls }), 'tls.cert and tls.key go together')
    }
    assert.equal(faultOf({ servers, tls: { cert: '/cert.pem', key: '/key.pem' } }), undefined)
  })

  for (const [key, value] of [
    ['prefix', 'a.b'],
    ['prefix', ''],
    ['prefix', '>'],
    ['replicas', 2],
    ['credentials', 'hunter2'],
    ['stream', 'kith'],
  ] as const) {
    it(`refuses ${key}: ${JSON.stringify(value)}`, () => {
      assert.ok(faultOf({ servers: ['tls://nats.example:4222'], [key]: value }))
    })
  }
})
