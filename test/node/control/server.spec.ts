import assert from 'node:assert/strict'
import { WireFailure } from '../../../src/node/answer.ts'
import { ROUTES } from '../../../src/node/control/api.ts'
import type { ErrorBody, RouteName } from '../../../src/node/control/api.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import type { FailureCode } from '../../../src/protocol/errors.ts'
import { MAX_ASK_TEXT_BYTES } from '../../../src/protocol/limits.ts'
import { askId } from '../../helpers/ask-calls.ts'
import { ROUTE_NAMES, testControls } from '../../helpers/control.ts'
import type { TestControl } from '../../helpers/control.ts'

const ASK = askId(1)
const MAX_BODY_BYTES = 2_097_152

/** The path of a route with good parameters in it. */
function pathOf(name: RouteName, ask = ASK): string {
  return ROUTES[name].path.replace(':ask', ask).replace(':name', 'nas').replace(':alert', ask)
}

describe('control server', () => {
  const controls = testControls()
  let control: TestControl

  beforeEach(() => {
    control = controls()
  })

  function errorOf(reply: { json: unknown }): ErrorBody['error'] {
    return (reply.json as ErrorBody).error
  }

  it('gives each route what its schema makes of path, query and body', async () => {
    const { client } = control
    await client.call('status', {})
    await client.call('explain', { name: 'ü/ä', verb: 'ask' })
    await client.call('ping', { name: 'nas', timeoutMs: 7 })
    await client.call('ask', { peer: 'nas', text: 'hi', wait: true })
    await client.call('asks', {})
    await client.call('asks', { limit: 7 })
    await client.call('editPeers', { op: 'rename', name: 'nas', to: 'box' })
    await Array.fromAsync(client.askEvents({ ask: ASK, after: 12 }))
    assert.deepEqual(control.calls, [
      ['status', {}],
      ['explain', { name: 'ü/ä', verb: 'ask' }],
      ['ping', { name: 'nas', timeoutMs: 7 }],
      ['ask', { peer: 'nas', text: 'hi', wait: true }],
      ['asks', { limit: 100 }],
      ['asks', { limit: 7 }],
      ['editPeers', { op: 'rename', name: 'nas', to: 'box' }],
      ['askEvents', { ask: ASK, after: 12 }],
    ])
  })

  it('gives back what the handler gives', async () => {
    control.does.set('peers', () => [{ name: 'nas' }])
    const { status, text } = await control.raw('GET', '/v1/peers')
    assert.deepEqual([status, text], [200, '[{"name":"nas"}]'])
  })

  const wrong: [name: RouteName, body: object | string, what: RegExp][] = [
    ['editPeers', { op: 'burn' }, /op/],
    ['editPeers', { op: 'add', peer: {} }, /peer\.name/],
    ['editPeers', { op: 'allow', name: 'nas', grants: ['root'] }, /grants/],
    ['explain', '?verb=', /verb/],
    ['explain', '', /verb/],
    ['ping', { timeoutMs: 0 }, /timeoutMs/],
    ['ping', { timeoutMs: '5' }, /timeoutMs/],
    ['ask', {}, /peer/],
    ['ask', { peer: 'nas', text: '' }, /text/],
    ['ask', { peer: 'nas', text: 'x'.repeat(MAX_ASK_TEXT_BYTES + 1) }, /text/],
    ['ask', { peer: 'nas', text: 'hi', ask: 'mine' }, /ask/],
    ['ask', { peer: 'nas', text: 'hi', session: 'a b' }, /session/],
    ['ask', { peer: 'nas', text: 'hi', timeoutMs: 43_200_001 }, /timeoutMs/],
    ['ask', { peer: 'self', text: 'hi', job: { name: 'My job', cap: {} } }, /job\.name/],
    ['ask', { peer: 'self', text: 'hi', job: { name: 'nightly' } }, /job\.cap/],
    ['ask', { peer: 'self', text: 'hi', job: { name: 'n', cap: { tokens: -1 } } }, /job\.cap/],
    ['asks', '?limit=0', /limit/],
    ['asks', '?limit=1001', /limit/],
    ['asks', '?limit=many', /limit/],
    ['askEvents', '?after=-1', /after/],
    ['askEvents', '?after=1.5', /after/],
    ['alertEvents', '?after=mine', /after/],
  ]
  for (const [name, body, what] of wrong) {
    const shown = (typeof body === 'string' ? body : JSON.stringify(body)).slice(0, 60)
    it(`refuses ${name} with ${shown === '' ? 'nothing' : shown}`, async () => {
      const query = typeof body === 'string' ? body : ''
      const sent = typeof body === 'string' ? undefined : JSON.stringify(body)
      const reply = await control.raw(ROUTES[name].method, pathOf(name) + query, sent)
      assert.equal(reply.status, 400)
      assert.equal(errorOf(reply).code, 'usage')
      assert.match(errorOf(reply).message, what)
      assert.deepEqual(control.calls, [])
    })
  }

  for (const name of ROUTE_NAMES) {
    it(`refuses ${name} with a key that it does not know`, async () => {
      const { method } = ROUTES[name]
      const reply =
        method === 'GET'
          ? await control.raw(method, `${pathOf(name)}?verb=ask&extra=1`)
          : await control.raw(method, pathOf(name), '{"extra":1}')
      assert.equal(reply.status, 400)
      assert.equal(errorOf(reply).code, 'usage')
      assert.deepEqual(control.calls, [])
    })

    const [, named = ''] = /:(ask|alert|approval|artifact|run)\b/.exec(ROUTES[name].path) ?? []
    if (named !== '') {
      it(`refuses ${name} with what is no id, and says where they are`, async () => {
        const sent = name === 'reviewArtifact' ? '{"verdict":"accepted"}' : '{}'
        const body = ROUTES[name].method === 'GET' ? undefined : sent
        const reply = await control.raw(ROUTES[name].method, pathOf(name, 'mine'), body)
        assert.deepEqual([reply.status, errorOf(reply).code], [400, 'usage'])
        const lists = named === 'run' ? 'kith jobs runs' : `kith ${named}s list`
        assert.equal(errorOf(reply).hint, lists)
      })
    }

    if (ROUTES[name].method === 'POST') {
      for (const body of ['', 'no JSON', 'null', '[]', '"text"', '{"a":']) {
        it(`refuses ${name} with ${body === '' ? 'no body' : body}`, async () => {
          const reply = await control.raw('POST', pathOf(name), body)
          assert.deepEqual([reply.status, errorOf(reply).code], [400, 'usage'])
          assert.deepEqual(control.calls, [])
        })
      }
    }
  }

  for (const [method, path] of [
    ['GET', '/'],
    ['GET', '/v1'],
    ['GET', '/v2/status'],
    ['POST', '/v1/status'],
    ['DELETE', '/v1/peers'],
    ['GET', '/v1/asks/x/y/z'],
    ['GET', '/v1/status/'],
  ] as const) {
    it(`has no route ${method} ${path}`, async () => {
      const reply = await control.raw(method, path)
      assert.deepEqual([reply.status, errorOf(reply).code], [404, 'usage'])
      assert.deepEqual(errorOf(reply).details, { what: `${method} ${path}` })
    })
  }

  describe('takes a body', () => {
    function bodyOf(bytes: number): string {
      const empty = JSON.stringify({ peer: 'nas', text: 'hi', pad: '' })
      return JSON.stringify({ peer: 'nas', text: 'hi', pad: 'x'.repeat(bytes - empty.length) })
    }
    const chunked = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }
    for (const [name, headers] of [
      ['that says its length', undefined],
      ['that does not', chunked],
    ] as const) {
      it(`as long as may be, and none longer: ${name}`, async () => {
        const most = await control.raw('POST', '/v1/asks', bodyOf(MAX_BODY_BYTES), headers)
        assert.equal(errorOf(most).code, 'usage')
        const more = await control.raw('POST', '/v1/asks', bodyOf(MAX_BODY_BYTES + 1), headers)
        assert.deepEqual([more.status, errorOf(more).code], [413, 'too-large'])
      })
    }

    it('with the longest text, however it is escaped', async () => {
      const text = '\u0001'.repeat(MAX_ASK_TEXT_BYTES)
      await control.client.call('ask', { peer: 'nas', text })
      assert.deepEqual(control.calls, [['ask', { peer: 'nas', text }]])
    })
  })

  const failures: [name: string, err: unknown, status: number, body: ErrorBody['error']][] = [
    [
      'a peer that is not pinned',
      new KithError('unknown-peer', 'no nas', { name: 'nas' }, { hint: 'kith peers list' }),
      404,
      {
        code: 'unknown-peer',
        message: 'no nas',
        details: { name: 'nas' },
        hint: 'kith peers list',
        fromPeer: false,
      },
    ],
    [
      'a refusal of the peer',
      new WireFailure('busy', { position: 2 }),
      409,
      {
        code: 'busy',
        message: 'the peer refused: busy',
        details: { position: 2 },
        fromPeer: true,
      },
    ],
    [
      'a fault of ours',
      new TypeError('a slip'),
      500,
      { code: 'internal', message: 'a slip', details: {}, fromPeer: false },
    ],
  ]
  for (const [name, err, status, error] of failures) {
    it(`tells of ${name} with code, message, details and hint`, async () => {
      control.does.set('status', () => {
        throw err
      })
      const reply = await control.raw('GET', '/v1/status')
      assert.equal(reply.status, status)
      assert.deepEqual(reply.json, { error })
      const logged = control.log.lines.some(({ msg }) => msg === 'control call failed')
      assert.equal(logged, status === 500)
    })
  }

  for (const [code, status] of [
    ['unknown-ask', 404],
    ['unknown-alert', 404],
    ['unknown-approval', 404],
    ['usage', 400],
    ['bad-request', 400],
    ['too-large', 413],
    ['stopping', 503],
    ['unreachable', 409],
    ['conflict', 409],
  ] as [FailureCode, number][]) {
    it(`answers ${code} as ${status}`, async () => {
      control.does.set('status', () => {
        throw new KithError(code, '', {})
      })
      assert.equal((await control.raw('GET', '/v1/status')).status, status)
    })
  }
})
