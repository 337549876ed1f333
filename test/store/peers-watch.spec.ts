import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { chmod, mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { mock } from 'node:test'
import { isFailure } from '../../src/protocol/errors.ts'
import { nodeIdOf } from '../../src/protocol/node-id.ts'
import { editPeers, peersFile } from '../../src/store/peers-file.ts'
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

/** The next file that is read, once `read` resolves: its reader hears of it when it is released. */
async function holdRead(): Promise<{ read: Promise<void>; release: () => void }> {
  const handle = await open('/dev/null')
  const prototype = Object.getPrototypeOf(handle) as FileHandle
  await handle.close()
  const readFile = Object.getOwnPropertyDescriptor(prototype, 'readFile')
    ?.value as FileHandle['readFile']
  const read = Promise.withResolvers<void>()
  const held = Promise.withResolvers<void>()
  prototype.readFile = async function (this: FileHandle) {
    prototype.readFile = readFile
    const content = await readFile.call(this, null)
    read.resolve()
    await held.promise
    return content
  } as FileHandle['readFile']
  return { read: read.promise, release: held.resolve }
}

describe('peers file, watched', () => {
  const folder = tempFolder()
  const home = (): string => join(folder(), 'home')
  const path = (): string => join(home(), 'peers.yaml')
  let reports: Reports
  let file: ReturnType<typeof peersFile>
  let stop: () => Promise<void>

  beforeEach(async () => {
    await mkdir(home(), { mode: 0o700 })
    await write(fileOf('a'))
    reports = new Reports()
    file = peersFile(path())
    stop = await file.watch(reports.listener)
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

  it('is not reported as it was before an edit that ended while it was read', async () => {
    const { read, release } = await holdRead()
    await write(fileOf('b'))
    await read
    await file.edit({ op: 'rename', name: 'b', to: 'c' })
    release()
    await reports.reach('c')
    assert.deepEqual(reports.all, ['a', 'c'])
  })

  it('is reported no more after the watch has stopped', async () => {
    const second = new Reports()
    const stopSecond = await peersFile(path()).watch(second.listener)
    await stop()
    await write(fileOf('b'))
    await second.reach('b')
    await stopSecond()
    assert.deepEqual(reports.all, ['a'])
  })

  describe('in a folder that is not there yet', () => {
    const later = (): string => join(folder(), 'later', 'peers.yaml')
    let early: Reports
    let stopEarly: () => Promise<void>

    // No folder, no events: what happens, happens when the clock is put on.
    beforeEach(async () => {
      mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
      early = new Reports()
      stopEarly = await peersFile(later()).watch(early.listener)
      await mkdir(join(folder(), 'later'), { mode: 0o700 })
    })
    afterEach(async () => {
      await stopEarly()
      mock.timers.reset()
    })

    async function replaceLater(text: string): Promise<void> {
      await writeFile(join(folder(), 'new'), text, { mode: 0o600 })
      await rename(join(folder(), 'new'), later())
    }

    it('is looked for every 2 s', async () => {
      await replaceLater(fileOf('b'))
      mock.timers.tick(2_000)
      mock.timers.tick(100)
      await early.reach('b')
      assert.deepEqual(early.all, ['', 'b'])
    })

    it('is read 100 ms after the first sign of a change, when its writer is done', async () => {
      mock.timers.tick(2_000)
      await replaceLater('')
      mock.timers.tick(99)
      await replaceLater(fileOf('b'))
      mock.timers.tick(1)
      await early.reach('b')
      assert.deepEqual(early.all, ['', 'b'])
    })

    it('is not reported again while it stays as it is', async () => {
      for (const name of ['b', 'b', 'b', 'c']) {
        await replaceLater(fileOf(name))
        mock.timers.tick(2_000)
        mock.timers.tick(100)
        await early.reach(name)
      }
      assert.deepEqual(early.all, ['', 'b', 'c'])
    })

    it('is not reported by a look that the stop overtakes', async () => {
      await replaceLater(fileOf('b'))
      mock.timers.tick(2_000)
      mock.timers.tick(100)
      await stopEarly()
      assert.deepEqual(early.all, [''])
    })
  })
})
