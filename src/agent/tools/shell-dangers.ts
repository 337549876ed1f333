import type { CommandPart, ShellCommand } from './shell-command.ts'

/** What gets another's rights, changes the machine, or is us: no answer to an ask needs it. */
const FORBIDDEN = new RegExp(
  '^(?:sudo|su|doas|pkexec|runuser|setpriv|chroot|nsenter|unshare|mkfs(?:\\..+)?|mke2fs|mkswap|wipefs|s?fdisk|' +
    'cfdisk|s?gdisk|parted|blkdiscard|hdparm|losetup|cryptsetup|mount|umount|shutdown|reboot|halt|poweroff|init|' +
    'telinit|insmod|rmmod|modprobe|kexec|sysctl|passwd|chpasswd|chsh|user(?:add|mod|del)|group(?:add|mod|del)|' +
    'visudo|crontab|systemctl|service|launchctl|iptables|ip6tables|nft|ufw|setcap|kith)$',
  'u',
)

const SHELL = /^(?:ba|da|z|k|mk|a|c|tc|fi)?sh$/u
const INTERPRETER =
  /^(?:(?:ba|da|z|k|mk|a|c|tc|fi)?sh|(?:python|pypy|perl|ruby|php|lua|node|tclsh|wish|R)[\d.]*|nodejs|deno|bun|osascript|pwsh|powershell)$/u

/** Programs that run the one that follows, and those of them that make its words of what they read. */
const WRAPPERS =
  /^(?:env|nohup|nice|ionice|time|timeout|stdbuf|setsid|command|exec|builtin|busybox|xargs|parallel|watch|then|do|else|elif|if|while|until|!|\{)$/u
const WORDS_FROM_INPUT = /^(?:xargs|parallel)$/u

/** What stands between a wrapper and its program: options, assignments, times. */
const WRAPPER_WORD = /^(?:-.*|\w+=.*|[\d.]+[smhd]?|\{\})$/u

/** Files of devices that are more than a source or a sink of bytes; /dev/tcp, which a shell makes a connection of. */
const DEVICE =
  /^(?:of=)?\/dev\/(?!(?:null|zero|full|random|urandom|stdin|stdout|stderr|tty)$|(?:fd|pts|shm)\/)./u
const SYSTEM_FILE = /^(?:of=)?\/(?:proc|sys|boot|etc|bin|sbin|lib|usr)\//u

/** Files with keys in them. Where a name may be the whole word, it is looked for at its start too. */
const KEY_FILE = new RegExp(
  '(?:^|[/=@:])(?:id_[^/]*|authorized_keys|known_hosts|\\.netrc|\\.pgpass|\\.git-credentials|\\.npmrc|\\.pypirc|' +
    '\\.env(?:\\.[^/]*)?|credentials(?:\\.json)?|keystore[^/]*)$' +
    '|\\.(?:pem|key|p12|pfx|kdbx|ppk|jks)$' +
    '|(?:^|[/=@:~])\\.(?:ssh|gnupg|aws|azure|kube|docker|kith|password-store)(?:/|$)' +
    '|/etc/(?:shadow|gshadow|sudoers|ssl/private)|/proc/[^/]+/(?:environ|mem|maps)',
  'iu',
)

/** The root, a home, the folder above, a folder of the system, or all that is in one. */
const MUCH =
  /^(?:\/|~\/?|\$HOME\/?|\.\.\/?|\/(?:bin|boot|dev|etc|home|lib\w*|media|mnt|opt|proc|root|run|sbin|srv|sys|usr|var|Users|System|Library)\/?)\.?\*?$/u

const STDIN_FILE = /^\/(?:dev\/(?:stdin|fd\/0)|proc\/self\/fd\/0)$/u

/** Why `command` is never run, or undefined when nothing speaks against asking a person. */
export function dangerIn(
  command: ShellCommand,
  nested: readonly ShellCommand[],
): string | undefined {
  if (multiplies(command.text)) return 'it multiplies without an end'
  const parts = [command, ...nested].flatMap((each) => each.parts)
  for (const [index, part] of parts.entries()) {
    const why = dangerOf(part, parts[index + 1], command.text)
    if (why !== undefined) return why
  }
  return undefined
}

/** True for a function that pipes and goes on in the background. In two steps: one pattern would try each `|` with each `&`. */
function multiplies(text: string): boolean {
  return Array.from(text.matchAll(/\(\)\s*\{([^}]*)/gu)).some(([, body = '']) => {
    const pipe = body.indexOf('|')
    return pipe !== -1 && body.includes('&', pipe)
  })
}

/** The commands that are given as a text to a shell, or to `eval`. */
export function textsWithin(command: ShellCommand): string[] {
  return command.parts.flatMap((part) => {
    const words = unwrapped(part.words).flat()
    const [name = ''] = words
    if (baseOf(name) === 'eval') return [words.slice(1).join(' ')]
    if (!SHELL.test(baseOf(name))) return []
    const at = words.findIndex((word) => /^-[a-z]*c[a-z]*$/u.test(word))
    return at === -1 ? [] : words.slice(at + 1, at + 2)
  })
}

function dangerOf(
  part: CommandPart,
  next: CommandPart | undefined,
  text: string,
): string | undefined {
  const all = [...part.words, ...part.redirects.map(({ target }) => target)]
  if (all.some((word) => KEY_FILE.test(word))) return 'it names a file with keys'
  if (all.some((word) => DEVICE.test(word))) return 'it names a device'
  const written = part.redirects.filter(({ op }) => op.includes('>')).map(({ target }) => target)
  if (written.some((target) => SYSTEM_FILE.test(target))) return 'it writes to the system'
  for (const words of unwrapped(part.words)) {
    const why = dangerOfProgram(words, part, next, text)
    if (why !== undefined) return why
  }
  return undefined
}

function dangerOfProgram(
  [first = '', ...args]: readonly string[],
  part: CommandPart,
  next: CommandPart | undefined,
  text: string,
): string | undefined {
  const name = baseOf(first)
  if (FORBIDDEN.test(name)) return `${name} is not run here`
  if (reachesFar(name, args) && args.some((arg) => MUCH.test(arg))) {
    return 'it changes more than a workspace'
  }
  if (args.some((arg) => arg.startsWith('--no-preserve-root'))) return 'it changes the whole system'
  if (
    /^(?:nc|ncat|netcat|socat)$/u.test(name) &&
    args.some((arg) => /^-[a-z]*[ec]|exec|^(?:EXEC|SYSTEM):/u.test(arg))
  ) {
    return 'it lets another in'
  }
  if (name === 'eval' && /[$`]/u.test(text)) return 'it runs what another program says'
  if (name === 'source' || name === '.') {
    const remote = next?.after === '<(' || args.some((arg) => STDIN_FILE.test(arg))
    return remote ? 'it runs what another program says' : undefined
  }
  return INTERPRETER.test(name) ? dangerOfInterpreter(args, part, next) : undefined
}

/** True for what changes all that is below a folder, or the folder as a whole. */
function reachesFar(name: string, args: readonly string[]): boolean {
  if (/^(?:rm|chmod|chown|chgrp)$/u.test(name)) return args.some(isRecursive)
  return name === 'mv' || name === 'shred' || (name === 'find' && args.includes('-delete'))
}

/** A program that runs what it is told may be told by a file or by a person's own words, not by another program. */
function dangerOfInterpreter(
  args: readonly string[],
  part: CommandPart,
  next: CommandPart | undefined,
): string | undefined {
  const why = 'it runs what another program says'
  const words = part.words.map(baseOf)
  if (words.some((word) => WORDS_FROM_INPUT.test(word))) return why
  if (next?.after === '<(' || args.some((arg) => STDIN_FILE.test(arg))) return why
  if (args.some((arg, at) => isCodeOption(args[at - 1] ?? '') && /\$\(|`/u.test(arg))) return why
  const takesCode = args.some((arg) => isCodeOption(arg)) || args.some((arg) => /^[^-]/u.test(arg))
  const fed =
    part.after === '|' ||
    part.after === '|&' ||
    part.redirects.some(({ op }) => op.startsWith('<<'))
  return fed && !takesCode ? why : undefined
}

/** The program that runs in the end, with its words; those that `find` runs are there too. */
function unwrapped(words: readonly string[]): string[][] {
  let at = 0
  while (at < words.length && /^\w+=/u.test(words[at] ?? '')) at++
  while (WRAPPERS.test(baseOf(words[at] ?? ''))) {
    at++
    while (at < words.length && WRAPPER_WORD.test(words[at] ?? '')) at++
  }
  const own = words.slice(at)
  const run = own.findIndex((word) => /^-(?:exec|execdir|ok|okdir)$/u.test(word))
  return run === -1 ? [own] : [own, ...unwrapped(own.slice(run + 1))]
}

function baseOf(program: string): string {
  return program.slice(program.lastIndexOf('/') + 1)
}

function isRecursive(arg: string): boolean {
  return /^-[a-zA-Z]*[rR]|^--recursive/u.test(arg)
}

function isCodeOption(arg: string): boolean {
  return /^-(?:[a-z]*[cem]|-eval|-command|-print)$/u.test(arg)
}
