import { pino } from 'pino'
import type { DestinationStream, Logger } from 'pino'
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
    },
    destination,
  )
}
