import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { openAccess } from '../../../src/node/http/access.ts'
import type { Access } from '../../../src/node/http/access.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import { Database } from '../../../src/store/database.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

describe('http access', () => {
  const folder = tempFolder()
  const clock = new ManualClock(0)
  let database: Database
  let access: Access

  beforeEach(async () => {
    database = await Database.open(join(folder(), 'store'))
    access = await openAccess({ database, clock, randomBytes })
  })
  afterEach(() => database.close())

  it('is by 64 tokens, and by one more once another is revoked', async () => {
    const { tokens } = access
    const create = async (name: string): Promise<unknown> =>
      await tokens.create({ name, scope: 'read', preset: 'none' })
    for (let n = 0; n < 64; n++) await create(`t${n}`)
    await assert.rejects(create('more'), (err) => {
      assert.ok(isFailure(err, 'list-full'))
      return err.details.limit === 64
    })
    await tokens.revoke('t0')
    await create('more')
    assert.equal(tokens.list().length, 64)
  })

  it('is by eight browsers: the ninth ends the login of the first, on disk too', async () => {
    const { logins } = access
    const keys: (string | undefined)[] = []
    for (let n = 0; n < 9; n++) {
      const login = await logins.redeem(logins.code(), 7_424)
      assert.ok(login)
      keys.push(logins.sessionOf(login.cookie, login.page))
    }
    const { logins: again } = await openAccess({ database, clock, randomBytes })
    for (const each of [logins, again]) {
      assert.deepEqual(
        keys.map((key = '') => each.holds(key)),
        [false, ...Array<boolean>(8).fill(true)],
      )
    }
  })

  it('is by the last eight codes that were given out', async () => {
    const { logins } = access
    const codes = Array.from({ length: 9 }, () => logins.code())
    const [first = '', second = ''] = codes
    assert.equal(await logins.redeem(first, 7_424), undefined)
    assert.ok(await logins.redeem(second, 7_424))
  })
})
