import { pino } from 'pino'
import type { DestinationStream, Logger } from 'pino'
import { isFailure } from '../protocol/errors.ts'
import type { LOG_LEVELS } from './config.ts'

/** Fields that hold what no log may: keys, what was asked or answered, links that let somebody in. */
const SECRETS = ['secret', 'passphrase', 'seed', 'token', 'text', 'body', 'invite', 'recoveryWords']

/** A logger of JSON lines. Fields that may hold secrets or what peers wrote are blanked, one level deep too. */
export function createLog(
  level: (typeof LOG_LEVELS)[number],
  destination: DestinationStream,
): Logger {
  return pino(
    {
      level,
      base: null,
      redact: { paths: SECRETS.flatMap((key) => [key, `*.${key}`]), censor: '[redacted]' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describe },
    },
    destination,
  )
}

/** A failure by its code, what it says and what to type next. An error that nobody has foreseen has its stack. */
function describe(err: unknown): object {
  if (!isFailure(err)) return pino.stdSerializers.err(err as Error)
  const { cause, code, hint, message } = err
  return {
    ...{ code, message },
    ...(hint === undefined ? {} : { hint }),
    ...(cause instanceof Error ? { cause: cause.message } : {}),
  }
}
