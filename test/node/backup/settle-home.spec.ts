import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { settleHome } from '../../../src/node/backup/settle-home.ts'
import { writeHome } from '../../helpers/backup-home.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

describe('a home', () => {
  const folder = tempFolder()

  it('gets its profiles back with the home that they are below, whose restore was cut off', async () => {
    const home = join(folder(), 'home')
    await writeHome(`${home}.before-a1`, { 'profiles/work/identity.json': 'work' })
    await writeHome(`${home}.restoring-a1`, { 'identity.json': 'new' })
    await settleHome({ path: join(home, 'profiles/work') }, 0)
    assert.equal(await readFile(join(home, 'profiles/work/identity.json'), 'utf8'), 'work')
    assert.equal(await readFile(join(home, 'identity.json'), 'utf8'), 'new')
    assert.deepEqual((await readdir(folder())).toSorted(), ['home', 'home.before-a1'])
  })

  it('is left alone where nothing was cut off', async () => {
    const home = join(folder(), 'home')
    await settleHome({ path: home }, 0)
    assert.deepEqual(await readdir(folder()), [])
  })
})
