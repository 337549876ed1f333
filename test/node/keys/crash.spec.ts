import assert from 'node:assert/strict'
import { cp, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createIdentity, openIdentity, readIdentity } from '../../../src/node/identity.ts'
import {
  endorseKept,
  keepRotationKey,
  keepsRotationKey,
  settleKept,
} from '../../../src/node/keys/kept.ts'
import { readOwnLog } from '../../../src/node/keys/own-log.ts'
import {
  checkRecoveryWords,
  commitRecovery,
  prepareRecovery,
} from '../../../src/node/keys/recover.ts'
import { commitRotation, prepareRotation, preparedRotation } from '../../../src/node/keys/rotate.ts'
import {
  exportRotationKey,
  forgetRotationKey,
  whereRotationKeyIs,
} from '../../../src/node/keys/rotation-key.ts'
import { retire } from '../../../src/node/keys/retire.ts'
import { dropSuperseded, giveUpPrepared, settleKeys } from '../../../src/node/keys/superseded.ts'
import { publicKeyOf } from '../../../src/protocol/ed25519.ts'
import { endorseRotation } from '../../../src/protocol/key-log-create.ts'
import { validateKeyLog } from '../../../src/protocol/key-log.ts'
import { wordsToSeed } from '../../../src/protocol/recovery-words.ts'
import { NOW } from '../../helpers/ask-calls.ts'
import { crashingFiles } from '../../helpers/crashing-files.ts'
import {
  CLEAR,
  ROUTINE,
  keyNames,
  namesInForce,
  namesOf,
  rotateHere,
} from '../../helpers/key-homes.ts'
import { keyInUsePath } from '../../helpers/key-paths.ts'
import { filesWith } from '../../helpers/search-secret.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { seedOf } from '../../vectors/seeds.ts'

const LATER = NOW + 2 * 86_400_000

describe('a process that dies before any change of the disk', () => {
  const { dies } = crashingFiles()
  const folder = tempFolder()
  let home: string
  let template: string
  let rotationWords: string

  beforeEach(async () => {
    template = join(folder(), 'template')
    home = join(folder(), 'home')
    await createIdentity(template, CLEAR, NOW)
    rotationWords = (await exportRotationKey(template, undefined)).join(' ')
  })

  /**
   * Lets `work` die before its first change in a fresh copy of the template, then before its second, and so on until it
   * lives, and has `check` look at each home. @returns how many changes it makes
   */
  async function atEachStep(
    work: () => Promise<unknown>,
    check: (died: boolean) => Promise<void>,
  ): Promise<number> {
    for (let changes = 0; ; changes++) {
      home = join(folder(), `home-${changes}`)
      await cp(template, home, { recursive: true })
      const died = await dies(changes, work)
      try {
        await check(died)
      } catch (cause) {
        throw new Error(`died before change ${changes + 1}`, { cause })
      }
      if (!died) return changes
    }
  }

  /** The home starts, has nothing in it that is of no use, and rotates. */
  async function assertWhole(): Promise<void> {
    await openIdentity(home, undefined)
    await settleKeys(home, LATER)
    assert.deepEqual((await readdir(home)).sort(), ['identity.json', 'keys'])
    assert.deepEqual(await keyNames(home), await namesInForce(home))
    await rotateHere(home, { ...ROUTINE, at: LATER })
  }

  it('while it rotates has the old identity or the new one, whole', async () => {
    const { key: old, id } = await readIdentity(template)
    const seen = new Set<number>()
    const changes = await atEachStep(
      () => rotateHere(home),
      async (died) => {
        const { key, log } = await openIdentity(home, undefined)
        const { sn } = validateKeyLog(log, id)
        seen.add(sn)
        assert.equal(key === old, sn === 0)
        if (!died) assert.equal(sn, 1)
        await assertWhole()
      },
    )
    assert.deepEqual([...seen], [0, 1])
    assert.ok(changes > 15, String(changes))
  })

  it('while it waits to be endorsed elsewhere goes on waiting, or never began', async () => {
    const laptop = join(folder(), 'laptop')
    await forgetRotationKey(template, rotationWords)
    await keepRotationKey(laptop, (await readOwnLog(template)).state, rotationWords, CLEAR)
    const seen = new Set<boolean>()
    await atEachStep(
      () => prepareRotation(home, ROUTINE),
      async (died) => {
        await settleKeys(home, LATER)
        await openIdentity(home, undefined)
        const prepared = await preparedRotation(home)
        seen.add(prepared !== undefined)
        if (!died) assert.notEqual(prepared, undefined)
        if (prepared === undefined) {
          assert.deepEqual(await keyNames(home), namesOf(await keyInUsePath(home)))
          assert.deepEqual((await readdir(home)).sort(), ['identity.json', 'keys'])
          return
        }
        const { state } = await readOwnLog(home)
        const init = { state, passphrase: undefined }
        const endorsed = await endorseKept(laptop, prepared.draft, init)
        await commitRotation(home, endorsed, undefined)
        await settleKeys(home, LATER)
        assert.deepEqual(await keyNames(home), namesOf(await keyInUsePath(home)))
      },
    )
    assert.deepEqual([...seen].sort(), [false, true])
  })

  it('while it gives up what waits to be endorsed has it still, or has none', async () => {
    await forgetRotationKey(template, rotationWords)
    const { draft } = await prepareRotation(template, ROUTINE)
    const nextRotationKey = publicKeyOf(seedOf('next'))
    const rotationSeed = wordsToSeed(rotationWords)
    const seen = new Set<boolean>()
    await atEachStep(
      () => giveUpPrepared(home, NOW),
      async () => {
        await settleKeys(home, LATER)
        const waits = (await preparedRotation(home)) !== undefined
        seen.add(waits)
        if (waits) {
          const endorsed = endorseRotation(draft, { rotationSeed, nextRotationKey })
          await commitRotation(home, endorsed, undefined)
          await settleKeys(home, LATER)
        }
        assert.deepEqual(await keyNames(home), namesOf(await keyInUsePath(home)))
      },
    )
    assert.deepEqual([...seen], [true, false])
  })

  for (const [what, make] of [
    ['a committed rotation', () => rotateHere(template)],
    ['a prepared one', () => prepareRotation(template, ROUTINE)],
  ] as const) {
    it(`while it clears up after ${what} can do it again`, async () => {
      await make()
      const { log } = await readIdentity(template)
      const changes = await atEachStep(
        () => settleKeys(home, LATER),
        async () => {
          assert.deepEqual((await readIdentity(home)).log, log)
          await assertWhole()
        },
      )
      assert.ok(changes > 5, String(changes))
    })
  }

  it('while it drops what is superseded never drops a key in force', async () => {
    await rotateHere(template)
    await atEachStep(
      () => dropSuperseded(home, NOW + 2),
      async () => {
        await openIdentity(home, undefined)
        await dropSuperseded(home, NOW + 2)
        assert.equal((await keyNames(home)).length, 3)
        await assertWhole()
      },
    )
  })

  it('while it recovers has the old identity or the new one, and its words fit', async () => {
    template = join(folder(), 'recovered')
    const made = await createIdentity(template, CLEAR, NOW)
    const words = made.recoveryWords.join(' ')
    let shown = ''
    const recover = async (): Promise<void> => {
      const prepared = await prepareRecovery(home, { words, at: NOW, protection: CLEAR })
      shown = prepared.recoveryWords.join(' ')
      await commitRecovery(home, prepared)
    }
    const seen = new Set<number>()
    await atEachStep(recover, async () => {
      const { sn } = validateKeyLog((await openIdentity(home, undefined)).log)
      seen.add(sn)
      await checkRecoveryWords(home, sn === 0 ? words : shown)
      await assertWhole()
    })
    assert.deepEqual([...seen], [0, 1])
  })

  it('while it retires is retired, or is not', async () => {
    const seen = new Set<boolean>()
    await atEachStep(
      () => retire(home, { at: NOW, passphrase: undefined }),
      async () => {
        const { key } = await readIdentity(home)
        seen.add(key === undefined)
        if (key !== undefined) await assertWhole()
      },
    )
    assert.deepEqual([...seen], [false, true])
  })

  it('while it forgets the rotation key can do it again, and leaves nothing of it', async () => {
    await atEachStep(
      () => forgetRotationKey(home, rotationWords),
      async () => {
        await openIdentity(home, undefined)
        if ((await whereRotationKeyIs(home)) === 'here') {
          await forgetRotationKey(home, rotationWords)
        }
        assert.equal(await whereRotationKeyIs(home), 'off-host')
        assert.deepEqual(await filesWith(home, wordsToSeed(rotationWords)), [])
      },
    )
  })

  it('while it makes an identity has made one, or none', async () => {
    template = join(folder(), 'empty')
    await mkdir(template, { mode: 0o700 })
    const seen = new Set<string>()
    await atEachStep(
      () => createIdentity(home, CLEAR, NOW, { rotationKeyOffHost: true }),
      async () => {
        const found = await openIdentity(home, undefined).then(
          () => 'made',
          (err: unknown) => (err as { code: string }).code,
        )
        seen.add(found)
        if (found !== 'made') return
        await settleKeys(home, LATER)
        await openIdentity(home, undefined)
        assert.deepEqual(await keyNames(home), namesOf(await keyInUsePath(home)))
        assert.deepEqual((await readdir(home)).sort(), ['identity.json', 'keys'])
      },
    )
    assert.deepEqual([...seen], ['no-identity', 'made'])
  })

  it('while it endorses for another node endorses the same way after that', async () => {
    const server = join(folder(), 'server')
    const made = await createIdentity(server, CLEAR, NOW, { rotationKeyOffHost: true })
    const words = made.rotationWords?.join(' ') ?? ''
    const { state } = await readOwnLog(server)
    const init = { state, passphrase: undefined }
    await keepRotationKey(template, state, words, CLEAR)
    const { draft } = await prepareRotation(server, ROUTINE)
    await atEachStep(
      () => endorseKept(home, draft, init),
      async () => {
        await settleKeys(home, NOW)
        const endorsed = await endorseKept(home, draft, init)
        assert.deepEqual(await endorseKept(home, draft, init), endorsed)
        const rotated = join(folder(), 'rotated')
        await cp(server, rotated, { recursive: true, force: true })
        const { log } = await commitRotation(rotated, endorsed, undefined)
        await settleKept(home, log)
        assert.deepEqual(await filesWith(home, wordsToSeed(words)), [])
        assert.equal(await keepsRotationKey(home, validateKeyLog(log)), true)
      },
    )
  })

  it('while it drops a kept key that was used can do it again', async () => {
    const server = join(folder(), 'server')
    const made = await createIdentity(server, CLEAR, NOW, { rotationKeyOffHost: true })
    const words = made.rotationWords?.join(' ') ?? ''
    const { state } = await readOwnLog(server)
    await keepRotationKey(template, state, words, CLEAR)
    const { draft } = await prepareRotation(server, ROUTINE)
    const endorsed = await endorseKept(template, draft, { state, passphrase: undefined })
    const { log } = await commitRotation(server, endorsed, undefined)
    await atEachStep(
      () => settleKept(home, log),
      async () => {
        await settleKept(home, log)
        assert.equal((await readdir(join(home, 'keys', 'kept', state.id))).length, 1)
        assert.equal(await keepsRotationKey(home, validateKeyLog(log)), true)
      },
    )
  })
})
