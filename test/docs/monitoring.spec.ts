/*
 * Holds the monitoring that docs/operations.md shows to what a node really has: its figures, its fields, the alert rules
 * on them, and what Prometheus' own tools say of all that.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { RUN_STATES } from '../../src/node/scheduler/run.ts'
import { reportHealth } from '../../src/node/health/report-health.ts'
import { METRICS } from '../../src/node/http/metrics/metrics.ts'
import { MetricsPage } from '../../src/node/http/metrics/metrics-page.ts'
import type { KithNode } from '../../src/node/node.ts'
import { POLICY_COUNTS } from '../../src/node/policy/telemetry.ts'
import { HttpNode } from '../helpers/http-node.ts'
import { ROOT } from '../helpers/imports.ts'
import { openNodes } from '../helpers/open-node.ts'
import { needsPromtool } from '../helpers/promtool.ts'
import { tempFolder } from '../helpers/temp-folder.ts'
import { code, page, section, tables } from './markdown.ts'

const RULES = 'docs/monitoring/kith.rules.yml'
const TESTS = 'docs/monitoring/kith.rules.test.yml'

const rulesFile = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.object({
          alert: z.string(),
          expr: z.string(),
          labels: z.object({ severity: z.enum(['page', 'ticket']) }),
          annotations: z.object({ summary: z.string(), type: z.string() }),
        }),
      ),
    }),
  ),
})
const testsFile = z.object({
  tests: z.array(
    z.object({
      alert_rule_test: z.array(z.object({ alertname: z.string(), exp_alerts: z.array(z.any()) })),
    }),
  ),
})

const MONITORING = section(page('docs/operations.md'), '## Monitoring')
const RULE_LIST = rulesFile.parse(parse(page(RULES))).groups.flatMap(({ rules }) => rules)

describe('docs/operations.md: monitoring', function () {
  this.timeout(30_000)
  const all = openNodes()
  const folder = tempFolder()
  let node: KithNode
  let text: string

  beforeEach(async () => {
    const flags = {
      'http.listen': '127.0.0.1:0',
      'agent.budget': { daily_usd: 5, daily_tokens: 9 },
    }
    node = await all().open('node', { flags })
    await node.start()
    await node.backups.records.add({
      ...{ what: 'made', file: '/a', backupAt: 1, bytes: 1, sha256: '0'.repeat(64) },
      ...{ lock: 'passphrase', by: 'self' },
    })
    text = await new MetricsPage(node).text()
  })

  const [, fields = [], metrics = [], alerts = []] = tables(MONITORING)

  it('F65: has every figure of a real page, with its labels, and no other', () => {
    const shown = Array.from(text.matchAll(/^# TYPE (\S+)/gm), ([, name = '']) => name)
    const own = shown.filter((name) => !/^kith_(process|nodejs|build)_/.test(name))
    assert.deepEqual(
      metrics.map(([name]) => code(name)),
      own,
    )
    for (const [name, labels = ''] of metrics) {
      const metric = METRICS.find((each) => each.name === code(name))
      const told = Array.from(labels.matchAll(/`(\w+)`/g), ([, label = '']) => label)
      assert.deepEqual(told, metric?.labels, name)
    }
  })

  it('F65: has every field of /health as a node gives it, and no other', async () => {
    const report = await reportHealth(node)
    const components = report.components.flatMap((component) => Object.keys(component))
    const found = new Set([...Object.keys(report), ...components])
    assert.deepEqual(new Set(fields.map(([field]) => code(field))), found)
  })

  it('F65: has probes that answer as they are told to', async () => {
    const http = new HttpNode(node)
    await http.start()
    const { authorization } = await http.token('read')
    const statusOf = async (path: string, headers = {}): Promise<number> =>
      (await fetch(`${http.url}${path}`, { headers })).status
    assert.deepEqual(
      [await statusOf('/live'), await statusOf('/health'), await statusOf('/metrics')],
      [200, 200, 401],
    )
    assert.equal(await statusOf('/metrics', { authorization }), 200)
    await http.stop()
  })

  for (const { alert, expr } of RULE_LIST) {
    it(`F65: ${alert} is on figures of a real page, with labels and values that they have`, () => {
      const used = Array.from(expr.matchAll(/\b(up|kith_\w+)(?:\{([^}]*)\})?/g))
      assert.ok(used.length > 0)
      for (const [, name = '', matchers = ''] of used) {
        if (name === 'up') continue
        assert.match(text, new RegExp(`^# TYPE ${name} `, 'm'))
        for (const [, label = '', value = ''] of matchers.matchAll(/(\w+)="([^"]*)"/g)) {
          const there =
            text.includes(`${name}{`) &&
            new RegExp(`^${name}\\{.*${label}="${value}"`, 'm').test(text)
          assert.ok(
            there || LATER[`${name} ${label}`]?.includes(value),
            `${name} ${label} ${value}`,
          )
        }
      }
    })
  }

  it('tells each alert with its severity and what to type, as the rules have it', () => {
    assert.deepEqual(
      alerts.map(([alert, severity, type]) => [code(alert), severity, code(type)]),
      RULE_LIST.map(({ alert, annotations, labels }) => [
        alert,
        labels.severity,
        annotations.type.replace('{{ $labels.peer }}', 'NAME'),
      ]),
    )
  })

  it('has a test that raises each alert, and one that leaves it quiet', () => {
    const cases = testsFile.parse(parse(page(TESTS))).tests.flatMap((test) => test.alert_rule_test)
    for (const { alert } of RULE_LIST) {
      const ends = cases.filter(({ alertname }) => alertname === alert)
      assert.deepEqual(
        ends.map(({ exp_alerts }) => exp_alerts.length > 0),
        [false, true],
        alert,
      )
    }
  })

  it('has rules that promtool takes, and proves', function () {
    needsPromtool(this)
    assert.match(promtool('check', 'rules', RULES), /SUCCESS: \d+ rules found/)
    assert.match(promtool('test', 'rules', TESTS), /SUCCESS/)
  })

  it('has a scrape config that promtool takes', async function () {
    needsPromtool(this)
    const [, yaml = ''] = /^```yaml\n([^]*?)^```$/m.exec(MONITORING) ?? []
    const path = join(folder(), 'prometheus.yml')
    await writeFile(path, yaml.replace('kith.rules.yml', `${ROOT}/${RULES}`))
    assert.match(promtool('check', 'config', '--syntax-only', path), /SUCCESS/)
  })
})

/** Values of labels that a page has once something has happened. */
const LATER: Readonly<Record<string, readonly string[]>> = {
  'kith_peer_calls_total outcome': POLICY_COUNTS,
  'kith_runs_ended_total state': RUN_STATES,
  'kith_backup_last_success_timestamp_seconds step': ['drilled'],
}

function promtool(...args: string[]): string {
  const { stderr, stdout } = spawnSync('promtool', args, { cwd: ROOT, encoding: 'utf8' })
  return `${stdout}${stderr}`
}
