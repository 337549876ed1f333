import assert from 'node:assert/strict'
import { join } from 'node:path'
import { z } from 'zod'
import { EXIT } from '../../src/cli/exit-codes.ts'
import { isHot } from '../../src/node/config-keys.ts'
import { configSchema, readConfig } from '../../src/node/config.ts'
import { homeOf } from '../../src/node/home.ts'
import { tempFolder } from '../helpers/temp-folder.ts'
import { code, page, section, table, tables } from './markdown.ts'

/** A value other than the default for each setting, as the environment has it, and what becomes of it. */
const SAMPLES: Record<string, [text: string, value: unknown]> = {
  name: ['nas', 'nas'],
  listen: ['/ip4/127.0.0.1/tcp/1,/unix/%2Ftmp%2Fx', ['/ip4/127.0.0.1/tcp/1', '/unix/%2Ftmp%2Fx']],
  announce: ['/dns4/a.example/tcp/2', ['/dns4/a.example/tcp/2']],
  'log.level': ['debug', 'debug'],
  'agent.engine': ['model', 'model'],
  'agent.parallel': ['5', 5],
  'agent.queue': ['6', 6],
  'agent.providers': ['', undefined],
  'agent.model.use': ['a/b,c/d', ['a/b', 'c/d']],
  'agent.model.max_output_tokens': ['10', 10],
  'agent.model.max_steps': ['11', 11],
  'agent.model.max_tool_calls': ['12', 12],
  'agent.model.context_tokens': ['13', 13],
  'agent.model.first_byte_seconds': ['14', 14],
  'agent.model.idle_seconds': ['15', 15],
  'agent.prices': ['', undefined],
  'agent.command.run': ['x,y', ['x', 'y']],
  'agent.command.needs': ['write', 'write'],
  'agent.command.env': ['x,y', ['x', 'y']],
  'agent.acp.run': ['x,y', ['x', 'y']],
  'agent.acp.needs': ['write', 'write'],
  'agent.acp.env': ['x,y', ['x', 'y']],
  'agent.acp.mesh': ['true', true],
  'agent.budget.ask_usd': ['16', 16],
  'agent.budget.ask_tokens': ['17', 17],
  'agent.budget.daily_usd': ['18', 18],
  'agent.budget.daily_tokens': ['19', 19],
  'agent.presets': ['', undefined],
  'agent.tools.deny': ['x,y', ['x', 'y']],
  'agent.shell.sandbox': ['off', 'off'],
  'agent.shell.env': ['x,y', ['x', 'y']],
  'agent.shell.timeout_seconds': ['20', 20],
  'agent.fetch.private_hosts': ['x,y', ['x', 'y']],
  'agent.approvals.timeout_seconds': ['21', 21],
  'agent.mcp': ['', undefined],
  'scheduler.engine': ['local', 'local'],
  'scheduler.workers': ['6', 6],
  'scheduler.nats.servers': [
    'tls://a.example:1,tls://b.example:2',
    ['tls://a.example:1', 'tls://b.example:2'],
  ],
  'scheduler.nats.prefix': ['own', 'own'],
  'scheduler.nats.replicas': ['3', 3],
  'scheduler.nats.credentials': ['env:X', 'env:X'],
  'scheduler.nats.tls.ca': ['/ca.pem', '/ca.pem'],
  'scheduler.nats.tls.cert': ['/cert.pem', '/cert.pem'],
  'scheduler.nats.tls.key': ['/key.pem', '/key.pem'],
  'fleet.interval_seconds': ['30', 30],
  'fleet.soak_hours': ['31', 31],
  'fleet.self_audit': ['false', false],
  'alerts.webhook': ['https://a.example/x', 'https://a.example/x'],
  'alerts.secret': ['env:X', 'env:X'],
  'backup.to': ['/mnt/b', '/mnt/b'],
  'backup.recipients': ['x,y', ['x', 'y']],
  'backup.keep.daily': ['1', 1],
  'backup.keep.weekly': ['2', 2],
  'backup.keep.monthly': ['3', 3],
  'backup.warn.backup_days': ['25', 25],
  'backup.warn.verify_days': ['26', 26],
  'backup.warn.drill_days': ['27', 27],
  'http.listen': ['127.0.0.1:1', '127.0.0.1:1'],
  'http.allow_non_loopback': ['true', true],
  'http.allowed_hosts': ['a.example,b.example', ['a.example', 'b.example']],
  'audit.osv_url': ['https://osv.example/', 'https://osv.example'],
  'lobby.mode': ['off', 'off'],
  'lobby.per_minute': ['7', 7],
  'lobby.per_address_per_minute': ['8', 8],
  'stop.drain_seconds': ['9', 9],
}

describe('docs/configuration.md', () => {
  const folder = tempFolder()
  const text = page('docs/configuration.md')
  const [settings = [], otherNames = []] = tables(section(text, '## config.yaml'))

  it('has every setting, and no other', () => {
    assert.deepEqual(
      settings.map(([key]) => code(key)),
      keysOf(configSchema),
    )
    assert.deepEqual(['version', ...Object.keys(SAMPLES)], keysOf(configSchema))
  })

  it('F61: says of each whether a change counts at once', () => {
    for (const [key = '', , , , , taken] of settings) {
      assert.equal(taken, isHot(code(key)) ? 'hot' : 'restart', key)
    }
  })

  it('has the default of each', async () => {
    const defaults = await readConfig(join(folder(), 'config.yaml'), {})
    for (const [key = '', , shown = ''] of settings) {
      const value = valueAt(defaults, code(key))
      const values =
        typeof value === 'object' ? Object.values(value ?? {}) : value === undefined ? [] : [value]
      assert.equal(shown, values.map((each) => `\`${String(each)}\``).join(', ') || '–', key)
    }
  })

  for (const [key = '', name = ''] of settings.filter(([, variable]) => variable !== '–')) {
    it(`has the name of ${code(key)} in the environment`, async () => {
      const [sample = '', value] = SAMPLES[code(key)] ?? []
      const config = await readConfig(join(folder(), 'config.yaml'), { [code(name)]: sample })
      assert.deepEqual(valueAt(config, code(key)), value)
    })
  }

  it('has the other names in the environment', async () => {
    for (const [name] of otherNames) {
      await readConfig(join(folder(), 'config.yaml'), { [code(name)]: 'x' })
    }
    await assert.rejects(readConfig(join(folder(), 'config.yaml'), { KITH_OTHER: 'x' }))
    assert.equal(otherNames.length, 3)
  })

  it('has where things are in a home', () => {
    const paths = table(section(text, '## The home')).map(([path]) => code(path).replace(/\/$/, ''))
    const { path: base, ...places } = homeOf({ KITH_HOME: folder() }, undefined)
    for (const place of Object.values(places)) {
      assert.ok(paths.includes(place.slice(base.length + 1)), place)
    }
  })

  it('has every exit code', () => {
    const rows = table(section(text, '## Exit codes'))
    const codes = Object.fromEntries(rows.map(([number, name = '']) => [name, Number(number)]))
    assert.deepEqual(codes, EXIT)
  })
})

/** Every leaf of a schema, `agent.parallel` and the like. */
function keysOf(schema: z.ZodObject): string[] {
  return Object.entries(schema.shape).flatMap(([key, value]) => {
    const inner: unknown = value instanceof z.ZodPrefault ? value.unwrap() : value
    return inner instanceof z.ZodObject ? keysOf(inner).map((rest) => `${key}.${rest}`) : [key]
  })
}

function valueAt(config: unknown, key: string): unknown {
  let value = config
  for (const part of key.split('.')) value = (value as Record<string, unknown>)[part]
  return value
}
