import compare from 'semver/functions/compare.js'
import valid from 'semver/functions/valid.js'
import { VERSION } from '../../protocol/software.ts'
import { metPeers } from './clock-check.ts'
import type { MetChecked } from './clock-check.ts'
import { ok, warn } from './finding.ts'
import type { Finding } from './finding.ts'

const OWN_PROGRAM = /^kith\/(\S+)$/

/** Peers that run a later kith than this node: what they can do, it may not know yet. */
export function versionFindings(node: MetChecked): Finding[] {
  const found = metPeers(node).flatMap(({ hello, name }): Finding[] => {
    const version = valid(OWN_PROGRAM.exec(hello.software)?.[1] ?? '')
    if (version === null || compare(version, VERSION) <= 0) return []
    const what = `${name} runs kith ${version}, which is newer than ${VERSION} here`
    return [
      warn(what, 'update kith on this machine, then: kith stop; kith start', {
        peer: name,
        version,
      }),
    ]
  })
  return found.length > 0 ? found : [ok(`kith ${VERSION}; no peer here has a newer one`)]
}
