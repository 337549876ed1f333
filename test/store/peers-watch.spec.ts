import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { chmod, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isFailure } from '../../src/protocol/errors.ts'
import { nodeIdOf } from '../../src/protocol/node-id.ts'
import { editPeers, watchPeers } from '../../src/store/peers-file.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

const id = nodeIdOf(Uint8Array.of(1))

function fileOf(name: string): string {
  return `version: 1\npeers:\n  - name: ${name}\n    id: ${id}\n`
}

/** Reports of a watch, in their order: the names of the pins, or `!` and the code of the failure. */
class Reports {
  readonly all: string[] = []
  readonly #events = new EventEmitter()

  readonly listener = {
    onChange: (pins: { name: string }[]): void => {
      this.#add(pins.map(({ name }) => name).join())
    },
    onInvalid: (err: Error): void => {
      this.#add(isFailure(err) ? `!${err.code}` : '!')
    },
  }

  /** Resolves once `report` is the last one. */
  async reach(report: string): Promise<void> {
    while (this.all.at(-1) !== report) await this.next()
  }

  async next(): Promise<void> {
    await once(this.#events, 'report')
  }

  #add(report: string): void {
    this.all.push(report)
    this.#events.emit('report')
  }
}

describe('peers file, watched', () => {
  const folder = tempFolder()
  const home = (): string => join(folder(), 'home')
  const path = (): string => join(home(), 'peers.yaml')
  let reports: Reports
  let stop: () => Promise<void>

  beforeEach(async () => {
    await mkdir(home(), { mode: 0o700 })
    await write(fileOf('a'))
    reports = new Reports()
    stop = await watchPeers(path(), reports.listener)
  })
  afterEach(() => stop())

  async function write(text: string): Promise<void> {
    await writeFile(path(), text, { mode: 0o600 })
  }

  /** As editors save: beside the file, and then in its place. */
  async function replace(text: string): Promise<void> {
    await writeFile(join(home(), '.new'), text, { mode: 0o600 })
    await rename(join(home(), '.new'), path())
  }

  it('is reported as it stands before the watch is on', () => {
    assert.deepEqual(reports.all, ['a'])
  })

  it('is reported when it is written', async () => {
    await write(fileOf('b'))
    await reports.reach('b')
    assert.deepEqual(reports.all, ['a', 'b'])
  })

  it('is reported through one replacement after another', async () => {
    for (const name of ['b', 'c', 'd', 'e']) {
      await replace(fileOf(name))
      await reports.reach(name)
    }
    await write(fileOf('f'))
    await reports.reach('f')
    assert.deepEqual(reports.all, ['a', 'b', 'c', 'd', 'e', 'f'])
  })

  it('is reported when it is edited by us', async () => {
    await editPeers(path(), { op: 'rename', name: 'a', to: 'b' })
    await reports.reach('b')
  })

  it('has nobody when it is removed, and is found again when it is made anew', async () => {
    await rm(path())
    await reports.reach('')
    await write(fileOf('b'))
    await reports.reach('b')
    assert.deepEqual(reports.all, ['a', '', 'b'])
  })

  it('is found again when its whole folder is made anew', async () => {
    await rm(home(), { recursive: true })
    await reports.reach('')
    await mkdir(home(), { mode: 0o700 })
    await write(fileOf('b'))
    await reports.reach('b')
  })

  it('is reported as invalid once for each content, and then as good again', async () => {
    await replace('nonsense\n')
    await reports.reach('!invalid-file')
    await replace('nonsense\n')
    const next = reports.next()
    await replace('version: 2\n')
    await next
    await replace(fileOf('b'))
    await reports.reach('b')
    assert.deepEqual(reports.all, ['a', '!invalid-file', '!invalid-file', 'b'])
  })

  it('is reported when others become able to write it, and when it is mended', async () => {
    await chmod(path(), 0o666)
    await reports.reach('!unsafe-file')
    await chmod(path(), 0o600)
    await reports.reach('a')
    assert.deepEqual(reports.all, ['a', '!unsafe-file', 'a'])
  })

  it('is not reported when it is written again as it was', async () => {
    await replace(fileOf('a'))
    await write(fileOf('a'))
    await write(fileOf('b'))
    await reports.reach('b')
    assert.deepEqual(reports.all, ['a', 'b'])
  })

  it('is not reported half written', async () => {
    await write('')
    await write(fileOf('b').slice(0, 20))
    await write(fileOf('b'))
    await reports.reach('b')
    assert.deepEqual(reports.all, ['a', 'b'])
  })

  it('is reported no more after the watch has stopped', async () => {
    const second = new Reports()
    const stopSecond = await watchPeers(path(), second.listener)
    await stop()
    await write(fileOf('b'))
    await second.reach('b')
    await stopSecond()
    assert.deepEqual(reports.all, ['a'])
  })

  it('may be watched before its folder is there', async () => {
    const early = new Reports()
    const later = join(folder(), 'later')
    const stopEarly = await watchPeers(join(later, 'peers.yaml'), early.listener)
    await mkdir(later, { mode: 0o700 })
    await writeFile(join(later, 'peers.yaml'), fileOf('b'), { mode: 0o600 })
    await early.reach('b')
    await stopEarly()
    assert.deepEqual(early.all, ['', 'b'])
    assert.ok((await stat(later)).isDirectory())
  })
})
