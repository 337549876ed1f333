import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFile, mkdir, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { followLogs } from '../../../src/node/logs/follow-logs.ts'
import { linesBackward } from '../../../src/node/logs/log-files.ts'
import type { LogLine } from '../../../src/node/logs/log-line.ts'
import { recentLines } from '../../../src/node/logs/recent-lines.ts'
import type { LogPlace } from '../../../src/node/logs/recent-lines.ts'
import { RotatingFile } from '../../../src/store/rotating-file.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const START = Date.UTC(2026, 10, 21, 9)

function line(second: number, msg: string): string {
  return JSON.stringify({
    level: 'info',
    time: new Date(START + second * 1_000).toISOString(),
    msg,
  })
}

function msgs(lines: readonly LogLine[]): string[] {
  return lines.map(({ fields, text }) =>
    typeof fields?.['msg'] === 'string' ? fields['msg'] : text,
  )
}

describe('lines of a file, from its end', () => {
  const folder = tempFolder()

  async function backward(text: string): Promise<string[]> {
    const path = join(folder(), 'x.log')
    await writeFile(path, text)
    const file = await open(path, 'r')
    try {
      return await Array.fromAsync(linesBackward(file, Buffer.byteLength(text)))
    } finally {
      await file.close()
    }
  }

  const CASES: [text: string, lines: string[]][] = [
    ['', []],
    ['\n', ['']],
    ['a\n', ['a']],
    ['a\nb\n', ['b', 'a']],
    ['a\n\nb\n', ['b', '', 'a']],
    ['a\nnot whole', ['a']],
    ['not whole', []],
  ]
  for (const [text, lines] of CASES) {
    it(`are ${JSON.stringify(lines)} of ${JSON.stringify(text)}`, async () => {
      assert.deepEqual(await backward(text), lines)
    })
  }

  it('are whole wherever a piece that was read ends', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.stringMatching(/^[ -~äöü]{0,80}$/), { maxLength: 20 }),
        fc.integer({ min: 65_400, max: 65_700 }),
        async (lines, padding) => {
          const all = [...lines, 'ü'.repeat(padding >> 1), ...lines]
          assert.deepEqual(await backward(all.map((one) => `${one}\n`).join('')), all.toReversed())
        },
      ),
      { numRuns: 30 },
    )
  })
})

describe('logs, merged', () => {
  const folder = tempFolder()
  const places = (...sources: LogPlace['source'][]): LogPlace[] =>
    sources.map((source) => ({ folder: join(folder(), 'logs'), source }))
  const path = (name: string): string => join(folder(), 'logs', name)

  beforeEach(() => mkdir(join(folder(), 'logs')))

  it('G01: come in the order of time, of three sources', async () => {
    await writeFile(path('service.log'), `${line(1, 's1')}\n${line(4, 's4')}\n${line(7, 's7')}\n`)
    const agent = [2, 5].map((at) =>
      JSON.stringify({ at: new Date(START + at * 1_000).toISOString(), msg: `a${at}` }),
    )
    await writeFile(path('agent.log'), `${agent.join('\n')}\n`)
    const compaction = JSON.stringify({ at: START + 3_000, msg: 'c3' })
    await writeFile(path('compaction.log'), `${compaction}\n`)
    const { lines } = await recentLines(places('service', 'agent', 'compaction', 'runs'), {
      count: 50,
    })
    assert.deepEqual(msgs(lines), ['s1', 'a2', 'c3', 's4', 'a5', 's7'])
    assert.deepEqual([...new Set(lines.map(({ source }) => source))].sort(), [
      'agent',
      'compaction',
      'service',
    ])
  })

  it('G01: are the last so many, and those since a time', async () => {
    await writeFile(
      path('service.log'),
      `${[1, 2, 3, 4].map((at) => line(at, `s${at}`)).join('\n')}\n`,
    )
    await writeFile(path('runs.log'), `${[1, 2, 5].map((at) => line(at, `r${at}`)).join('\n')}\n`)
    const all = places('service', 'runs')
    assert.deepEqual(msgs((await recentLines(all, { count: 3 })).lines), ['s3', 's4', 'r5'])
    const since = START + 3_000
    assert.deepEqual(msgs((await recentLines(all, { count: 9, since })).lines), ['s3', 's4', 'r5'])
    assert.deepEqual(msgs((await recentLines(all, { count: 1, since })).lines), ['r5'])
    assert.deepEqual((await recentLines(places('agent'), { count: 9 })).lines, [])
  })

  it('G01: go on into the files that were rotated', async () => {
    await writeFile(path('service.log'), `${line(9, 'new')}\n`)
    await writeFile(path('service.log.1'), `${line(5, 'older')}\n${line(6, 'old')}\n`)
    await writeFile(path('service.log.2'), `${line(1, 'oldest')}\n`)
    await writeFile(path('service.log.x'), `${line(0, 'of nobody')}\n`)
    const { lines } = await recentLines(places('service'), { count: 50 })
    assert.deepEqual(msgs(lines), ['oldest', 'older', 'old', 'new'])
  })

  it('take a line that is no JSON for one of the time before it', async () => {
    await writeFile(path('service.log'), `${line(1, 's1')}\nError: x\n    at y\n${line(5, 's5')}\n`)
    await writeFile(path('runs.log'), `${line(3, 'r3')}\n`)
    const { lines } = await recentLines(places('service', 'runs'), { count: 50 })
    assert.deepEqual(msgs(lines), ['s1', 'Error: x', '    at y', 'r3', 's5'])
  })

  it('are none of what is no file, and are not waited for', async () => {
    execFileSync('mkfifo', [path('service.log')])
    await mkdir(path('agent.log'))
    const { lines } = await recentLines(places('service', 'agent'), { count: 50 })
    assert.deepEqual(lines, [])
  })

  it('take a time that no calendar has for that of the line before it', async () => {
    const times = ['1e17', '-1e17', '"+999999-01-01"', '1e400']
    const odd = times.map((time) => `{"time":${time},"msg":"odd"}\n`).join('')
    await writeFile(path('service.log'), `${line(1, 's1')}\n${odd}`)
    const { lines } = await recentLines(places('service'), { count: 50 })
    assert.deepEqual(
      lines.map(({ at }) => at),
      Array<number>(5).fill(START + 1_000),
    )
  })

  it('G01: are read from the end: the last lines of a long file cost a piece of it', async () => {
    const text = `${line(1, 'x'.repeat(1_000))}\n`
    await writeFile(path('service.log'), text.repeat(8_000))
    const before = process.memoryUsage().rss
    const begun = performance.now()
    const { lines } = await recentLines(places('service'), { count: 10 })
    assert.equal(lines.length, 10)
    assert.ok(performance.now() - begun < 500)
    assert.ok(process.memoryUsage().rss - before < 4 * 1_048_576)
  })

  describe('that are followed', () => {
    let stop: AbortController
    let lines: AsyncGenerator<LogLine[]>

    async function follow(...sources: LogPlace['source'][]): Promise<void> {
      const { positions } = await recentLines(places(...sources), { count: 1 })
      stop = new AbortController()
      lines = followLogs(positions, stop.signal)
    }
    afterEach(async () => {
      stop.abort()
      await lines.next()
    })

    /** The next `count` lines. */
    async function next(count: number): Promise<string[]> {
      const seen: LogLine[] = []
      while (seen.length < count) {
        const group = await lines.next()
        if (group.done === true) break
        seen.push(...group.value)
      }
      return msgs(seen)
    }

    it('G01: show a line that was written after it began, and none from before', async () => {
      await writeFile(path('service.log'), `${line(1, 'before')}\n`)
      await follow('service', 'agent')
      const coming = next(2)
      await appendFile(path('service.log'), `${line(2, 'after')}\n`)
      // There was no such file when it began.
      await writeFile(path('agent.log'), `${line(3, 'first')}\n`)
      assert.deepEqual((await coming).sort(), ['after', 'first'])
    })

    it('wait for the rest of a line', async () => {
      await writeFile(path('service.log'), '')
      await follow('service')
      const coming = next(1)
      const [begin, end] = [line(2, 'whole').slice(0, 20), line(2, 'whole').slice(20)]
      await appendFile(path('service.log'), begin)
      await appendFile(path('service.log'), `${end}\n`)
      assert.deepEqual(await coming, ['whole'])
    })

    it('are cut where one has no end', async () => {
      await writeFile(path('service.log'), '')
      await follow('service')
      const coming = next(1)
      await appendFile(path('service.log'), 'x'.repeat(3_000_000))
      await appendFile(path('service.log'), 'end\n')
      const [text = ''] = await coming
      assert.ok(text.endsWith('xend') && text.length < 1_200_000)
    })

    it('G01: lose no line and show none twice, however often the file is rotated meanwhile', async () => {
      const file = new RotatingFile({ path: path('service.log'), maxBytes: 2_000, keep: 50 })
      file.write(line(0, 'before'))
      await follow('service')
      const expected = Array.from({ length: 500 }, (_, at) => `n${at}`)
      const coming = next(500)
      for (const msg of expected) {
        file.write(line(1, msg))
        if (msg.endsWith('7')) await new Promise(setImmediate)
      }
      assert.deepEqual(await coming, expected)
      file.close()
    })

    it('go on where a file was emptied, moved away or taken', async () => {
      await writeFile(path('service.log'), `${line(1, 'before')}\n`)
      await follow('service')
      let coming = next(1)
      await appendFile(path('service.log'), `${line(2, 'one')}\n`)
      assert.deepEqual(await coming, ['one'])
      await truncate(path('service.log'), 0)
      coming = next(1)
      await appendFile(path('service.log'), `${line(3, 'two')}\n`)
      assert.deepEqual(await coming, ['two'])
      await rename(path('service.log'), path('elsewhere'))
      coming = next(1)
      await writeFile(path('service.log'), `${line(4, 'three')}\n`)
      assert.deepEqual(await coming, ['three'])
      await rm(path('service.log'))
      coming = next(1)
      await writeFile(path('service.log'), `${line(5, 'four')}\n`)
      assert.deepEqual(await coming, ['four'])
    })
  })
})
