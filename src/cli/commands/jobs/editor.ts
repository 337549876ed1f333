import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KithError, isFailure } from '../../../protocol/errors.ts'
import type { CliContext } from '../../context.ts'
import { tellFailure } from '../../tell-failure.ts'
import { note } from '../../terminal.ts'

/**
 * What `send` gives for a text once its owner has edited it; undefined when they left it as it was. A text that is
 * refused goes back to the editor as it is, and stays in its file when they give up.
 *
 * @throws {KithError} `program-failed` for an editor that fails, `cancelled` when they give up; as `send`
 */
export async function editText<T>(
  cli: CliContext,
  name: string,
  before: string,
  send: (text: string, path: string) => Promise<T>,
): Promise<T | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'kith-edit-'))
  const path = join(folder, name)
  await writeFile(path, before, { mode: 0o600 })
  let sent
  try {
    sent = await sendEdited(cli, path, before, send)
  } catch (err) {
    const text = await readFile(path, 'utf8').catch(() => before)
    if (text === before) await rm(folder, { recursive: true })
    else note(cli, `what you wrote is in ${path}`)
    throw err
  }
  await rm(folder, { recursive: true })
  return sent
}

async function sendEdited<T>(
  cli: CliContext,
  path: string,
  before: string,
  send: (text: string, path: string) => Promise<T>,
): Promise<T | undefined> {
  for (;;) {
    await edit(cli, path)
    const text = await readFile(path, 'utf8')
    if (text === before) return undefined
    try {
      return await send(text, path)
    } catch (err) {
      if (!isRefusal(err)) throw err
      tellFailure(cli, err, { json: false })
      if (!(await wantsMore(cli))) throw new KithError('cancelled', 'nothing was changed', {})
    }
  }
}

async function edit(cli: CliContext, path: string): Promise<void> {
  const editor = cli.env['VISUAL'] || cli.env['EDITOR'] || 'vi'
  // Ctrl-C is for the editor to take.
  const interrupts = cli.interrupts()
  try {
    // By a shell, as it may have arguments: EDITOR='code --wait'.
    const argv = ['-c', `${editor} "$1"`, 'sh', path]
    const child = spawn('sh', argv, { stdio: 'inherit', env: cli.env })
    const [code] = (await once(child, 'exit')) as [number | null]
    if (code === 0) return
    const why = `ended with ${code === null ? 'a signal' : `exit code ${code}`}`
    const message = `the editor ${editor} ${why}`
    throw new KithError('program-failed', message, { program: editor, why })
  } finally {
    interrupts.release()
  }
}

/** True when it is the text that is at fault. */
function isRefusal(err: unknown): boolean {
  return isFailure(err, 'invalid-file') || isFailure(err, 'usage') || isFailure(err, 'exists')
}

async function wantsMore(cli: CliContext): Promise<boolean> {
  const { askLine } = await import('../../prompt.ts')
  return !/^n/i.test((await askLine(cli, 'Edit it again? [Y/n] ')).trim())
}
