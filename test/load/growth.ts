// What a node keeps after days of work: `node test/load/growth.ts [--days 30] [--factor 10]`. A line of JSON a day.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { grow } from './growth-run.ts'

const { values } = parseArgs({
  options: {
    days: { type: 'string', default: '30' },
    factor: { type: 'string', default: '10' },
    restart: { type: 'string', default: '5' },
  },
})
const folder = await mkdtemp(join(tmpdir(), 'kith-growth-'))
const begunAt = performance.now()
try {
  await grow({
    folder,
    days: Number(values.days),
    factor: Number(values.factor),
    restartDays: Number(values.restart),
    onDay: (report) => {
      const seconds = Math.round((performance.now() - begunAt) / 1_000)
      const { system, user } = process.cpuUsage()
      const cpuSeconds = Math.round((user + system) / 1_000_000)
      console.log(JSON.stringify({ ...report, seconds, cpuSeconds }))
    },
  })
} finally {
  await rm(folder, { recursive: true })
}
