import type { BackupsReport } from '../../node/control/api.ts'
import type { Cast } from '../demo/demo-steps.ts'
import { check, parse, succeed } from '../demo/expect.ts'

/** What one step leaves for the next, beside the home of alice. */
const [KEY, COPY] = ['backup.key', 'restored'] as const

export async function backUp({ alice }: Cast): Promise<string> {
  const { recipient } = parse(
    await succeed(alice, 'backup', 'keygen', alice.beside(KEY), '--json'),
  ) as { recipient: string }
  const to = ['--to', alice.beside(''), '--recipient', recipient]
  const { bytes } = parse(await succeed(alice, 'backup', 'create', ...to, '--json')) as {
    bytes: number
  }
  check(bytes > 0, 'the backup is empty')
  return `alice is backed up, in ${bytes} bytes, while she runs`
}

export async function verify(cast: Cast): Promise<string> {
  const { alice } = cast
  const opened = ['--identity', alice.beside(KEY), '--json']
  const report = parse(await succeed(alice, 'backup', 'verify', await newest(cast), ...opened)) as {
    ok: boolean
    how: string
  }
  check(report.ok && report.how === 'content', 'the backup was not read whole')
  return 'every byte of the backup is right'
}

export async function drill(cast: Cast): Promise<string> {
  const { alice } = cast
  const opened = ['--identity', alice.beside(KEY), '--json']
  const report = parse(await succeed(alice, 'backup', 'drill', await newest(cast), ...opened)) as {
    ok: boolean
  }
  check(report.ok, 'no node starts from the backup')
  return 'a node starts from the backup, off-line'
}

export async function restore(cast: Cast): Promise<string> {
  const { alice } = cast
  const elsewhere = ['--home', alice.beside(COPY)]
  const file = await newest(cast)
  await succeed(alice, ...elsewhere, 'restore', file, '--identity', alice.beside(KEY), '--force')
  const { id } = parse(await succeed(alice, ...elsewhere, 'id', '--json')) as { id: string }
  check(id === alice.id, 'the restored node is another one')
  return 'the backup is restored to another folder, and is alice'
}

async function newest({ alice }: Cast): Promise<string> {
  const list = parse(await succeed(alice, 'backup', 'list', '--json')) as BackupsReport
  const [first] = list.backups
  check(first !== undefined, 'the backup that was made is not listed')
  return first.file
}
