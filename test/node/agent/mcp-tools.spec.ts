import assert from 'node:assert/strict'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { agentSchema } from '../../../src/node/agent-config.ts'
import { McpToolStore } from '../../../src/node/agent/mcp-tool-store.ts'
import { createMcpTools } from '../../../src/node/agent/mcp-tools.ts'
import type { McpParts } from '../../../src/node/agent/mcp-tools.ts'
import type { AlertInit } from '../../../src/node/alerts.ts'
import { Database } from '../../../src/store/database.ts'
import { LogTap } from '../../helpers/log-tap.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { program } from '../../helpers/programs.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const OFFERED = { description: 'Says it again.', inputSchema: '{"type":"object"}' }

describe('MCP tools of a node', function () {
  this.timeout(10_000)
  const folder = tempFolder()
  let database: Database
  let alerts: AlertInit[]
  let log: LogTap

  beforeEach(async () => {
    alerts = []
    log = new LogTap()
    database = await Database.open(join(folder(), 'store'))
  })
  afterEach(() => database.close())

  async function create(...servers: object[]): Promise<McpParts> {
    const config = agentSchema.parse({ mcp: servers })
    const raise = (alert: AlertInit): void => {
      alerts.push(alert)
    }
    return await createMcpTools(
      {
        alerts: { raise },
        clock: new ManualClock(),
        database,
        log: pino({ base: null }, log),
        random: () => 0.5,
        redacted: (text) => text,
      },
      config.mcp,
      folder(),
    )
  }

  it('are remembered on disk, by server and tool', async () => {
    const store = new McpToolStore(database)
    assert.equal(await store.get('notes', 'echo'), undefined)
    await store.put('notes', 'echo', OFFERED)
    await database.close()
    database = await Database.open(join(folder(), 'store'))
    const again = new McpToolStore(database)
    assert.deepEqual(await again.get('notes', 'echo'), OFFERED)
    assert.equal(await again.get('other', 'echo'), undefined)
  })

  it('are those of the config, and the log says what else a server has', async () => {
    const run = [process.execPath, program('mcp-server')]
    const { mcp } = await create(
      { name: 'notes', run, tools: ['echo'], class: 'read' },
      { name: 'bare', run },
    )
    try {
      await mcp.start()
      for (const server of ['notes', 'bare']) {
        const line = await log.line(
          (line) => line.msg === 'looked at an mcp server' && line['server'] === server,
        )
        const { others } = line['remote'] as { others: string[] }
        assert.equal(others.includes('echo'), server === 'bare')
      }
      const [echo, ...rest] = mcp.list()
      assert.deepEqual([echo?.name, echo?.class], ['notes__echo', 'read'])
      assert.deepEqual(rest, [])
      assert.deepEqual(alerts, [])
    } finally {
      await mcp.stop()
    }
  })

  it('raise an alert that says how to accept what has changed', async () => {
    await new McpToolStore(database).put('notes', 'echo', OFFERED)
    const { mcp } = await create({
      name: 'notes',
      run: [process.execPath, program('mcp-server')],
      tools: ['echo'],
    })
    try {
      await mcp.start()
      await mcp.look('notes', new AbortController().signal)
      assert.deepEqual(
        alerts.map(({ hint, kind }) => [kind, hint]),
        [['mcp-tool-changed', 'kith mcp-tools accept notes']],
      )
    } finally {
      await mcp.stop()
    }
  })

  it('log a server that fails', async () => {
    const { mcp } = await create({ name: 'gone', run: ['/nowhere/server'], tools: ['echo'] })
    await mcp.start()
    const { err } = await log.line(({ msg }) => msg === 'an mcp server failed')
    assert.match((err as { message: string }).message, /there is no such program/)
    await mcp.stop()
  })

  it('have the keys of their servers from where the config says', async () => {
    const path = join(folder(), 'key')
    await writeFile(path, 'open-sesame\n')
    await chmod(path, 0o600)
    const server = { name: 'far', url: 'https://127.0.0.1:1/mcp', tools: [] }
    const { serverKeys } = await create({ ...server, key: `file:${path}` })
    assert.deepEqual(
      serverKeys.map((key) => key.reveal()),
      ['open-sesame'],
    )
    await assert.rejects(create({ ...server, key: `file:${path}-gone` }), {
      code: 'usage',
      message: /^agent\.mcp\.far\.key: /,
    })
  })
})
