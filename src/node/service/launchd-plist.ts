import { join } from 'node:path'
import { LAUNCHD_LABEL } from './install-paths.ts'

export interface PlistInit {
  /** Absolute paths of Node and of kith's script. */
  program: readonly [node: string, script: string]
  home: string
}

const OPEN_FILES = 65_536

/**
 * The agent for launchd (launchd.plist(5)): started at login, and again when it fails. Ended well, as by
 * `kith daemon stop`, it stays so.
 */
export function launchdPlist({ home, program }: PlistInit): string {
  const args = [...program, '--home', home, 'daemon', 'start', '--foreground']
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${LAUNCHD_LABEL}</string>
  <key>ProgramArguments</key>
  <array>
${args.map((argument) => `    <string>${xml(argument)}</string>`).join('\n')}
  </array>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ThrottleInterval</key>
  <integer>5</integer>
  <key>ExitTimeOut</key>
  <integer>90</integer>
  <key>Umask</key>
  <integer>63</integer>
  <key>SoftResourceLimits</key>
  <dict>
    <key>NumberOfFiles</key>
    <integer>${OPEN_FILES}</integer>
  </dict>
  <key>StandardOutPath</key>
  <string>/dev/null</string>
  <key>StandardErrorPath</key>
  <string>${xml(join(home, 'logs/daemon-stderr.log'))}</string>
</dict>
</plist>
`
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
