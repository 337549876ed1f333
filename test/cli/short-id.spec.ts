import assert from 'node:assert/strict'
import { fullId, shortIds } from '../../src/cli/short-id.ts'
import { isFailure } from '../../src/protocol/errors.ts'

const FIRST = '01a1fd59-cf8b-7439-a210-16c85c16601c'
const SECOND = '01a1fd59-cf8b-7439-a210-16c85c16601d'
/** Ends as the first one does. */
const ALIKE = '01a1fd5d-0392-7386-8375-5bed5c16601c'

describe('a short id', () => {
  it('is the end of an id, whose beginning is its time', () => {
    const short = shortIds([FIRST, SECOND])
    assert.deepEqual([short(FIRST), short(SECOND)], ['5c16601c', '5c16601d'])
  })

  it('is longer where two of a table would look the same', () => {
    const short = shortIds([FIRST, SECOND, ALIKE])
    assert.deepEqual([short(FIRST), short(ALIKE)], ['85c16601c', 'd5c16601c'])
  })

  it('stands for the id that it is the end of, or the beginning', async () => {
    const list = async (): Promise<string[]> => [FIRST, SECOND, ALIKE]
    for (const [text, id] of [
      ['5c16601d', SECOND],
      ['85c16601c', FIRST],
      ['01a1fd5d', ALIKE],
      ['601d', SECOND],
    ] as const) {
      assert.equal(await fullId(text, list), id)
    }
  })

  it('that several end with is refused, with the ids that it may be', async () => {
    await assert.rejects(
      fullId('5c16601c', async () => [FIRST, ALIKE]),
      (err) => isFailure(err, 'usage') && err.hint === `${FIRST} or ${ALIKE}`,
    )
  })

  for (const text of [FIRST, 'all', '01c', 'digest', 'zzzzzzzz', '']) {
    it(`looks for nothing when ${JSON.stringify(text)} is given`, async () => {
      assert.equal(await fullId(text, () => assert.fail('it has looked')), text)
    })
  }

  it('that nothing ends with goes on as it is: the node says what is wrong', async () => {
    assert.equal(await fullId('deadbeef', async () => [FIRST]), 'deadbeef')
  })
})
