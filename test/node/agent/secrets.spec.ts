import assert from 'node:assert/strict'
import { chmod, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { parseSecretRef, resolveSecret } from '../../../src/node/agent/secrets.ts'
import type { SecretRef } from '../../../src/node/agent/secrets.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const KEY = 'agent.providers.router.api_key'

describe('a reference to a secret', () => {
  const cases: [text: string, ref: SecretRef | undefined][] = [
    ['env:OPENAI_API_KEY', { from: 'env', name: 'OPENAI_API_KEY' }],
    ['file:/etc/kith/key', { from: 'file', path: '/etc/kith/key' }],
    ['credential:router.key', { from: 'credential', name: 'router.key' }],
    ['sk-canary', undefined],
    ['env:', undefined],
    ['env:A B', undefined],
    ['env:1A', undefined],
    ['file:key', undefined],
    ['file:../key', undefined],
    ['credential:../key', undefined],
    ['credential:..', undefined],
    ['credential:a/b', undefined],
    ['vault:key', undefined],
    ['ENV:KEY', undefined],
  ]
  for (const [text, ref] of cases) {
    it(`${ref === undefined ? 'is not' : 'is'} ${text}`, () => {
      assert.deepEqual(parseSecretRef(text), ref)
    })
  }
})

describe('a secret that is referred to', () => {
  const folder = tempFolder()

  /** Puts `text` in a file of this mode, and gives its path. */
  async function file(text: string, mode = 0o600): Promise<string> {
    const path = join(folder(), 'key')
    await writeFile(path, text)
    await chmod(path, mode)
    return path
  }

  async function failure(ref: SecretRef, env: Record<string, string> = {}) {
    try {
      await resolveSecret(ref, KEY, env)
    } catch (err) {
      if (isFailure(err)) return err
      throw err
    }
    throw new Error('it was resolved')
  }

  it('is in the environment', async () => {
    const secret = await resolveSecret({ from: 'env', name: 'A' }, KEY, { A: 'sk-canary' })
    assert.equal(secret.reveal(), 'sk-canary')
  })

  for (const text of ['sk-canary', 'sk-canary\n', 'sk-canary\r\n']) {
    it(`is in a file of ${JSON.stringify(text)}`, async () => {
      const secret = await resolveSecret({ from: 'file', path: await file(text) }, KEY)
      assert.equal(secret.reveal(), 'sk-canary')
    })
  }

  it('is in a credential of systemd, which its group may read', async () => {
    await file('sk-canary', 0o440)
    const ref = { from: 'credential', name: 'key' } as const
    const secret = await resolveSecret(ref, KEY, { CREDENTIALS_DIRECTORY: folder() })
    assert.equal(secret.reveal(), 'sk-canary')
  })

  const refused: {
    what: string
    ref: () => Promise<SecretRef> | SecretRef
    env?: Record<string, string>
    code: string
    message: RegExp
    hint: RegExp
  }[] = [
    {
      what: 'a variable that is not set',
      ref: () => ({ from: 'env', name: 'A' }),
      code: 'usage',
      message: /\$A is not set$/u,
      hint: /^set A where kith starts$/u,
    },
    {
      what: 'an empty variable',
      ref: () => ({ from: 'env', name: 'A' }),
      env: { A: '' },
      code: 'usage',
      message: /is empty$/u,
      hint: /alone, in one line/u,
    },
    {
      what: 'a variable with a line break',
      ref: () => ({ from: 'env', name: 'A' }),
      env: { A: 'sk-canary\nx-evil: 1' },
      code: 'usage',
      message: /line breaks/u,
      hint: /alone, in one line/u,
    },
    {
      what: 'a file that is not there',
      ref: () => ({ from: 'file', path: join(folder(), 'none') }),
      code: 'usage',
      message: /there is no file/u,
      hint: /mode 600$/u,
    },
    {
      what: 'a file that others can read',
      ref: async () => ({ from: 'file', path: await file('sk-canary', 0o640) }),
      code: 'unsafe-file',
      message: /open to other users$/u,
      hint: /^chmod 600 /u,
    },
    {
      what: 'a link',
      ref: async () => {
        await symlink(await file('sk-canary'), join(folder(), 'link'))
        return { from: 'file', path: join(folder(), 'link') }
      },
      code: 'unsafe-file',
      message: /is a link$/u,
      hint: /put the file itself/u,
    },
    {
      what: 'a credential without systemd',
      ref: () => ({ from: 'credential', name: 'key' }),
      code: 'usage',
      message: /\$CREDENTIALS_DIRECTORY is not set$/u,
      hint: /LoadCredential=key/u,
    },
    {
      what: 'a credential that others can write',
      ref: async () => {
        await file('sk-canary', 0o666)
        return { from: 'credential', name: 'key' }
      },
      env: {
        get CREDENTIALS_DIRECTORY() {
          return folder()
        },
      },
      code: 'unsafe-file',
      message: /written by other users$/u,
      hint: /^chmod 600 /u,
    },
  ]
  for (const { code, env, hint, message, ref, what } of refused) {
    it(`is refused from ${what}, with the key of the config and what to do`, async () => {
      const err = await failure(await ref(), env)
      assert.equal(err.code, code)
      assert.ok(err.message.startsWith(`${KEY}: `), err.message)
      assert.match(err.message, message)
      assert.match(err.hint ?? '', hint)
      assert.ok(!inspect(err).includes('canary'))
    })
  }
})
