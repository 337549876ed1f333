import type { CliContext } from '../../context.ts'

/** The environment of the daemon that `--home` means. */
export function daemonEnv({
  env,
  globals,
}: Pick<CliContext, 'env' | 'globals'>): NodeJS.ProcessEnv {
  // It serves all profiles: which one a command is about says nothing here.
  const rest = Object.fromEntries(Object.entries(env).filter(([name]) => name !== 'KITH_PROFILE'))
  return globals.home === undefined ? rest : { ...rest, KITH_HOME: globals.home }
}
