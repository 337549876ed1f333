/** What a unit is made of: all of it from the install that writes it. */
export interface UnitInit {
  kind: 'user' | 'system'
  /** Absolute paths of Node and of kith's script. */
  program: readonly [node: string, script: string]
  /** The home whose profiles are served. */
  home: string
  /** Whose the home is; for `system` only. */
  user: string | undefined
  /** Files of passphrases by profile: systemd hands them on, and they are in no argument and no environment. */
  credentials: ReadonlyMap<string, string>
}

/** A link for each peer, one for each caller over HTTP, and the store: systemd's own default is 1024. */
const OPEN_FILES = 65_536

/** Longer than a node drains and ends itself by force after. */
const STOP_SECONDS = 90

/**
 * The unit for systemd. It is ready when its process runs, not when its profiles do: telling systemd more needs a
 * message from the process itself to a datagram socket, which Node does not have, and a program that sends it is not
 * the main process. What hangs is found by `kith daemon status` and its exit code.
 *
 * What it may not do is what none of its parts does (systemd.exec(5)). Left out are MemoryDenyWriteExecute, since V8
 * compiles at run time, and RestrictNamespaces, since the sandbox of the shell tool makes namespaces.
 */
export function systemdUnit(init: UnitInit): string {
  const { credentials, home, kind, program, user } = init
  const exec = [...program, '--home', home, 'daemon', 'start', '--foreground'].map(quoted)
  const service = [
    'Type=exec',
    `ExecStart=${exec.join(' ')}`,
    ...(user === undefined ? [] : [`User=${user}`]),
    ...[...credentials].map(
      ([profile, path]) => `LoadCredential=kith-passphrase-${profile}:${escaped(path)}`,
    ),
    'Restart=on-failure',
    'RestartSec=5',
    `TimeoutStopSec=${STOP_SECONDS}`,
    `LimitNOFILE=${OPEN_FILES}`,
    'UMask=0077',
    ...hardening(home),
    ...(kind === 'system' ? SYSTEM_HARDENING : []),
  ]
  return `# Written by \`kith service install\`, which writes it anew.
[Unit]
Description=kith, a peer-to-peer agent mesh node
${kind === 'system' ? 'After=network-online.target\nWants=network-online.target\n' : ''}StartLimitIntervalSec=300
StartLimitBurst=10

[Service]
${service.join('\n')}

[Install]
WantedBy=${kind === 'system' ? 'multi-user.target' : 'default.target'}
`
}

/** What a manager of one user can do too; from ProtectSystem on by a namespace of that user. */
function hardening(home: string): string[] {
  return [
    'NoNewPrivileges=yes',
    'ProtectSystem=strict',
    `ReadWritePaths=${word(home)}`,
    'PrivateTmp=yes',
    'ProtectKernelTunables=yes',
    'ProtectControlGroups=yes',
    'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
    'RestrictRealtime=yes',
    'RestrictSUIDSGID=yes',
    'LockPersonality=yes',
    'SystemCallArchitectures=native',
  ]
}

/** What only the manager of the system can do. */
const SYSTEM_HARDENING = [
  'CapabilityBoundingSet=',
  'AmbientCapabilities=',
  'PrivateDevices=yes',
  'ProtectClock=yes',
  'ProtectHostname=yes',
  'ProtectKernelLogs=yes',
  'ProtectKernelModules=yes',
  'ProtectProc=invisible',
  'RemoveIPC=yes',
  // The shell tool's sandbox mounts, and takes calls away from what runs in it.
  'SystemCallFilter=@system-service @mount seccomp',
  'SystemCallErrorNumber=EPERM',
]

/** An argument of ExecStart: `$` means something there (systemd.service(5), command lines). */
function quoted(argument: string): string {
  return word(argument.replaceAll('$', '$$$$'))
}

/** One word of a value that is a list of them (systemd.syntax(7), quoting). */
function word(text: string): string {
  const safe = escaped(text)
  return /^[\w@%+=:,./-]+$/.test(safe) ? safe : `"${safe.replace(/["\\]/g, '\\$&')}"`
}

/** `%` begins a specifier in any value (systemd.unit(5)). */
function escaped(path: string): string {
  return path.replaceAll('%', '%%')
}
