import { Command } from 'commander'
import type { Output } from '../../../node/control/api.ts'
import { isFailure, KithError } from '../../../protocol/errors.ts'
import type { CliContext } from '../../context.ts'
import { sameHome } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { reportFailure } from '../../failure.ts'
import { note, print, printJson } from '../../terminal.ts'
import { withKeys } from './reach.ts'
import type { Keys } from './reach.ts'
import { complete, DEFAULT_GRACE_SECONDS } from './rotate.ts'
import { opening } from './secrets.ts'
import type { PassphraseOptions } from './secrets.ts'
import { rotationText } from './status.ts'

/** Wait between two looks whether the other node has signed, in ms. */
const POLL_MS = 2_000

interface RequestOptions extends PassphraseOptions {
  via?: string
  wait?: true
  json?: true
}

type Standing = Output<'requestRotation'>

/** `kith key request`: has a rotation signed by the node that keeps this one's rotation key. */
export function requestCommand(cli: CliContext): Command {
  return new Command('request')
    .description('ask the node that keeps the rotation key of this one to sign its next key')
    .option('--via <name>', 'the peer to ask; without, print what to carry there')
    .option('--wait', 'wait until it has signed, and finish the rotation')
    .option('--passphrase-stdin', 'open the keys with the first line of the standard input')
    .option('--json', 'print one JSON object')
    .action(async (options: RequestOptions) => {
      await request(cli, options)
    })
}

export async function request(cli: CliContext, options: RequestOptions): Promise<void> {
  const { via, wait } = options
  if (wait === true && via === undefined) {
    const what = '--wait goes with --via NAME'
    throw new KithError('usage', what, { what })
  }
  await withKeys(cli, async (keys) => {
    await prepare(cli, keys, options)
    if (via === undefined) {
      const standing = await opening(cli, options, (opener) => keys.call('requestRotation', opener))
      showText(cli, standing, options)
      return
    }
    const standing = await ask(keys, via)
    if (standing.endorsement !== undefined) {
      await complete(cli, keys, standing.endorsement, options)
    } else if (wait === true) {
      note(cli, `${via} has been asked for ${rotationText(standing.rotation)}`)
      note(cli, `there: kith key sign NAME, with its name for this node; compare the eight words`)
      await complete(cli, keys, await signature(cli, keys, via), options)
    } else {
      showAsked(cli, standing, via, options)
    }
  })
}

/** Nothing has to be typed before: what was not prepared is prepared now. */
async function prepare(cli: CliContext, keys: Keys, options: RequestOptions): Promise<void> {
  // Only a node that runs can ask another one.
  const { rotationKey, waiting } = await (options.via === undefined
    ? keys.call('key', {})
    : cli.client.call('key', {}))
  if (waiting !== undefined) return
  if (rotationKey === 'here') {
    const what = 'the rotation key of this node is on this host: nobody else has to sign'
    throw new KithError('no-rotation', what, { home: cli.home.path }, { hint: 'kith key rotate' })
  }
  const init = { why: 'routine', graceSeconds: DEFAULT_GRACE_SECONDS } as const
  await opening(cli, options, (opener) => keys.call('rotate', { ...init, ...opener }))
}

async function ask(keys: Keys, via: string): Promise<Standing> {
  return await keys.call('requestRotation', { via }).catch((err: unknown) => {
    const { error } = reportFailure(err)
    if (error.fromPeer && error.code === 'denied') {
      const hint = 'there: kith peers allow NAME key.rotate, with its name for this node'
      throw new KithError(
        'denied',
        `${via} takes no rotations of this node`,
        { rule: 'allow' },
        { hint },
      )
    }
    throw err
  })
}

/** Asks until the peer has signed, or Ctrl-C: the rotation goes on waiting then. */
async function signature(cli: CliContext, keys: Keys, via: string): Promise<string> {
  const interrupts = cli.interrupts()
  let away = false
  try {
    for (;;) {
      await cli.sleep(POLL_MS, interrupts.first)
      try {
        const { endorsement } = await ask(keys, via)
        if (endorsement !== undefined) return endorsement
        away = false
      } catch (err) {
        if (!mayPass(err)) throw err
        if (!away) note(cli, reportFailure(err).error.message)
        away = true
      }
    }
  } finally {
    interrupts.release()
  }
}

/** True for what another try may not meet: the peer is away, or wants to be left alone for a while. */
function mayPass(err: unknown): boolean {
  if (isFailure(err, 'no-rotation')) return false
  const { exitCode } = reportFailure(err)
  return exitCode === EXIT.noAnswer || exitCode === EXIT.tryLater
}

function showText(cli: CliContext, standing: Standing, { json }: RequestOptions): void {
  if (json === true) {
    printJson(cli, standing)
    return
  }
  print(cli, standing.request)
  note(cli, `this asks for ${rotationText(standing.rotation)}; no secret is in it`)
  note(
    cli,
    "on the node that keeps the rotation key: kith key sign 'TEXT'; compare the eight words",
  )
  note(cli, `then here: ${sameHome(cli, "kith key rotate --signed 'TEXT'")}`)
}

function showAsked(
  cli: CliContext,
  standing: Standing,
  via: string,
  { json }: RequestOptions,
): void {
  cli.exitCode = EXIT.needsPerson
  if (json === true) {
    printJson(cli, { state: 'waiting', via, ...standing })
    return
  }
  print(cli, `${via} has been asked for ${rotationText(standing.rotation)}`)
  note(cli, 'there: kith key sign NAME, with its name for this node; compare the eight words')
  note(cli, `then here: ${sameHome(cli, `kith key request --via ${via}`)}`)
}
