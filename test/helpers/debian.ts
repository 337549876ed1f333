import { spawnSync } from 'node:child_process'

/** Skips the suite, loudly, where a program that Debian has is missing. Call it in `describe`. */
export function needsProgram(program: string, debianPackage: string): void {
  before(function () {
    const { error } = spawnSync(program, ['--version'])
    if (error === undefined) return
    console.warn(`SKIPPED: ${program} is missing: apt-get install ${debianPackage}`)
    this.skip()
  })
}
